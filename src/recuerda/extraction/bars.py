"""How much proof a clause needs to be a fact, and whether one without enough still hints at a change."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recuerda.extraction.clauses import Clause
from recuerda.extraction.model import CATEGORIES, Floats
from recuerda.extraction.normalise import TYPED, Reading
from recuerda.extraction.reversals import replaces, restates, reverses, settled
from recuerda.extraction.subjects import declares
from recuerda.extraction.tokens import flat
from recuerda.models import Category

SURE_CATEGORY = 0.6  # below it the attribute may know the category better
_REVERSAL_AT = 0.1
_VALUE_AT = 0.3
_PLAIN_INTENT, _INTENT_AT = 0.9, 0.15
_TELLING = TYPED | {"flag"}
_FIGURE = re.compile(r"\d|\b(?:XS|S|M|L|XL|XXL|P|G|GG)\b")
_UNMISTAKABLE = frozenset({"size", "email", "phone"})
OWN = 0.06
_FAINT_AT = 0.02
_MAYBE = 0.1  # probability from which an attribute of that category may name the clause
CHANGED = re.compile(r"\b(changed|new|cambio|cambie|nuev[oa]|mudou|nov[oa])\b")


@dataclass(frozen=True, slots=True)
class Judged:
    """A clause with what the classifiers say of it."""

    clause: Clause
    text: str
    question: str  # the one it may answer, "" otherwise
    odds: float  # log-odds of being a fact, by itself
    fact: float  # probability of being one, in its conversation
    category: Category
    certainty: float  # of the category
    categories: Floats  # probability of each


def bar(
    item: Judged,
    reading: Reading | None,
    fact_at: float,
    *,
    own: bool,
    changed: bool,
) -> float:
    """Probability from which a clause is a fact: `fact_at`, or less where little proof is needed.

    `own`: it is of the speaker or the household; `changed`: the message says that something did.
    """
    # In the first person a clause needs a little less proof.
    usual = fact_at - (OWN if own else 0)
    said = flat(item.text)
    if item.clause.quoted or (item.clause.asked and not declares(said)):
        return usual
    # "ya no soy vegetariana" hardly looks like a fact, and not hearing it keeps a wrong one. A clause
    # that gives a value of the catalogue in the first person needs less proof than one that does not.
    if reading and item.category is Category.INTENT and item.certainty > _PLAIN_INTENT and own:
        return min(usual, _INTENT_AT)  # "I'm going to return it": nothing but a plan, however plainly said
    planned = reading is not None and reading.attribute.type == "flag"
    if reverses(item.text) and (own or settled(said) or planned):
        return min(usual, _REVERSAL_AT)
    if reading is None or reading.value is None:
        return usual
    # Of what there is one of, a new value is worth hearing, or the old one stays.
    telling = (reading.attribute.type in _TELLING and (own or replaces(item.text))) or (
        own and not reading.attribute.many
    )
    newer = not reading.attribute.many and changed
    # "..., talla 42: ..." says no more than that, and is unmistakable.
    plain = reading.attribute.type in _UNMISTAKABLE and item.certainty >= SURE_CATEGORY
    return min(usual, _VALUE_AT) if telling or newer or plain or declares(said) else usual


def maybe(item: Judged) -> list[Category]:
    return [c for c, p in zip(CATEGORIES, item.categories, strict=True) if p >= _MAYBE]


def hints(item: Judged, readings: Sequence[Reading], back: bool, own: bool) -> bool:
    """Whether a clause that is no fact by itself sounds like a change of one."""
    said = flat(item.text)
    if item.fact < _FAINT_AT or item.clause.quoted or (item.clause.asked and not (own or declares(said))):
        return False
    closes = any(r.attribute.closes for r in readings)
    corrects = back and any(r.value is not None for r in readings)
    turned = reverses(said) or settled(said) or restates(said)
    newer = replaces(said) and (own or _FIGURE.search(item.text) is not None)
    return turned or corrects or newer or (closes and own)
