"""How much proof a clause needs to be a fact, and whether one without enough still hints at a change."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recuerda.extraction.clauses import Clause
from recuerda.extraction.model import CATEGORIES, Floats
from recuerda.extraction.normalise import TYPED, Reading
from recuerda.extraction.reversals import replaces, restates, reverses, settled
from recuerda.extraction.subjects import declares, speaks_of_self
from recuerda.extraction.tokens import flat
from recuerda.models import Category

SURE_CATEGORY = 0.6  # below it the attribute may know the category better
_REVERSAL_AT = 0.1
_VALUE_AT = 0.3
_PLAIN_INTENT, _INTENT_AT = 0.5, 0.08
_TELLING = TYPED | {"flag"}
_FIGURE = re.compile(r"\d|\b(?:XS|S|M|L|XL|XXL|P|G|GG)\b")
# "..., talla 42: ...", "Corregido: talla 39 en lugar de 37": says a size and nothing else.
_JUST_A_SIZE = re.compile(
    r"((correct\w*|correccion|corregid[oa]|corrig\w*|corrij\w*)\W+)?"
    r"(size|talla|talle|tamanho|numero|number) (us |uk |eu |br )?\d{1,2}([.,]5)?"
    r"( (instead of|en lugar de|en vez de|em vez de|no lugar d[eao]|not|no|nao|y no|e nao) .{1,12})?$"
)
_UNMISTAKABLE = frozenset({"size", "email", "phone"})
OWN = 0.06
_IF = re.compile(r"(if|si|se|caso|when|cuando|quando)\b")
_FAINT_AT = 0.005
_SPARE_AT = 0.2
_EATS_AT = 0.2
_OF_EATING = frozenset({Category.HEALTH, Category.PREFERENCE})
_MAYBE = 0.1  # probability from which an attribute of that category may name the clause
_MAYBE_HEALTH = 0.03  # sooner: what is kept only with consent must not go by another name
_STATE_AT = 0.15
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
    eats: bool,
) -> float:
    """Probability from which a clause is a fact: `fact_at`, or less where little proof is needed.

    `own`: it is of the speaker or the household; `changed`: the message says that something did;
    `eats`: it names a food that somebody eats now.
    """
    # In the first person a clause needs a little less proof.
    usual = fact_at - (OWN if own else 0)
    said = flat(item.text)
    if item.clause.quoted or (_asks(item.clause, said) and not declares(said)):
        return usual
    # "ya no soy vegetariana" hardly looks like a fact, and not hearing it keeps a wrong one. A clause
    # that gives a value of the catalogue in the first person needs less proof than one that does not.
    if reading and item.category is Category.INTENT and item.certainty > _PLAIN_INTENT and own:
        return min(usual, _INTENT_AT)  # "I'm going to return it": nothing but a plan, however plainly said
    if eats and item.category in _OF_EATING:
        return min(usual, _EATS_AT)
    planned = reading is not None and reading.attribute.type == "flag"
    if reverses(item.text) and (own or settled(said) or planned):
        return min(usual, _REVERSAL_AT)
    if reading is None or reading.value is None:
        return usual
    if reading.attribute.type == "size" and (_JUST_A_SIZE.match(said) or restates(said)):
        return min(usual, _REVERSAL_AT)
    # Of what there is one of, a new value is worth hearing, or the old one stays.
    telling = (reading.attribute.type in _TELLING and (own or replaces(item.text))) or (
        own and not reading.attribute.many
    )
    newer = not reading.attribute.many and changed
    if reading.attribute.type in {"email", "phone"} and item.category is Category.CONTACT:
        return min(usual, _REVERSAL_AT)  # whose else would they tell?
    # "..., talla 42: ..." says no more than that, and is unmistakable.
    plain = reading.attribute.type in _UNMISTAKABLE and item.certainty >= SURE_CATEGORY
    return min(usual, _VALUE_AT) if telling or newer or plain or declares(said) else usual


def spare(item: Judged) -> bool:
    """Whether a clause may tell what is so instead of what its message ends: "riding a Canyon these days"."""
    return item.fact >= _SPARE_AT and not item.clause.quoted and not _asks(item.clause, flat(item.text))


def _asks(clause: Clause, said: str) -> bool:
    """The end of a question; before it one may tell of oneself: "I moved to Cusco, do you ship there?"."""
    return clause.asked and (clause.last or _IF.match(said) is not None or not speaks_of_self(said))


def maybe(item: Judged) -> list[Category]:
    least = {Category.HEALTH: _MAYBE_HEALTH}
    return [c for c, p in zip(CATEGORIES, item.categories, strict=True) if p >= least.get(c, _MAYBE)]


def _state(reading: Reading) -> bool:
    """A value of what one has one of, and that is said of nothing but how things are: no size, no sum."""
    attribute = reading.attribute
    return reading.value is not None and not attribute.many and attribute.type in {"choice", "text"}


def hints(item: Judged, readings: Sequence[Reading], back: bool, own: bool) -> bool:
    """Whether a clause that is no fact by itself sounds like a change of one."""
    said = flat(item.text)
    asks = _asks(item.clause, said) and not (own or declares(said))
    if item.fact < _FAINT_AT or item.clause.quoted or asks:
        return False
    closes = any(r.attribute.closes for r in readings)
    corrects = back and any(r.value is not None for r in readings)
    turned = reverses(said) or settled(said) or restates(said)
    told = item.category is Category.CONTACT or own
    if told and item.fact >= _STATE_AT and any(_state(r) for r in readings):
        return True  # "entrei como porteiro": hardly a fact, but of one who was a driver it tells
    newer = replaces(said) and (own or _FIGURE.search(item.text) is not None)
    return turned or corrects or newer or (closes and own)
