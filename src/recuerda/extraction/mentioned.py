"""What a clause means by "mine", "one" or "lo": the thing named in the question just before it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from recuerda.extraction import Draft
from recuerda.extraction.bars import Judged
from recuerda.extraction.catalogue import Catalogue
from recuerda.extraction.normalise import read_all
from recuerda.extraction.statements import proper_names
from recuerda.extraction.subjects import CUSTOMER
from recuerda.extraction.tokens import flat
from recuerda.language import Language
from recuerda.models import Category

_MINE = re.compile(
    r"\b(mine|ours)\b|\b(el|la|los|las) (mi[oa]s?|nuestr[oa]s?)\b|"
    r"\b(o|a|os|as) (meus?|minhas?|noss[oa]s?)\b(?= (na|no|em|faz|ha|ja|agora|semana|mes|ontem|hoje|sabado|"
    r"domingo|segunda|terca|quarta|quinta|sexta|ano|usad\w|nov\w)\b|$)|"
    r"\b(switched to|got|bought|have|ordered) one\b|"
    r"\b(l[oa]s?) (saque|compre|estrene|recogi|tengo|acabo de|retire|consegui)\b|"
    r"^(ya |recien |acabo de )?l[oa]s? (saque|compre|estrene|recogi|tengo|retire|consegui)\b"
)
_UNREACHED = re.compile(
    r"^(?!.*\b(changed|new|cambi\w+|nuev[oa]|troquei|mudei|nov[oa])\b).*\b"
    r"((if|when|in case|se|si|caso|quando|cuando|en caso de que) (eu |yo |i |me )?"
    r"(nao|no|don'?t|do not|can'?t|cannot)( \w+){0,2}? "
    r"(atend\w+|contest\w+|respond\w+|pick|answer\w*|estiver|este|estoy|encontr\w+|reach\w*)|"
    r"(if|when|in case) i('?m| am) (not (in|home|around|there)|out|busy|away))\b",
    re.DOTALL,
)
_PLACE = re.compile(r"(en|em|in) ", re.IGNORECASE)
_NOT_A_THING = frozenset({"product", "order"})


def recalled(
    item: Judged, before: Judged, catalogue: Catalogue, language: Language
) -> Callable[[Draft], Draft] | None:
    """What puts the thing into a draft: "does this rack fit a Volvo V60? we collected ours on Friday".

    None when the clause names its thing itself, or nothing with a name was asked about.
    """
    asked = before.text
    named = proper_names(asked[1:]) or re.search(r"[A-Z]\w*\d", asked)
    if not before.clause.asked or not named or _MINE.search(flat(item.text)) is None:
        return None
    readings = read_all(asked, catalogue, Category.POSSESSION, language=language)
    thing = next(
        (r for r in readings if r.value and r.attribute.category is Category.POSSESSION
         and r.attribute.name not in _NOT_A_THING),
        None,
    )  # fmt: skip

    def put(draft: Draft) -> Draft:
        opening = "¿" if language == "es" else ""
        draft = replace(draft, statement=f"{draft.statement} ({opening}{asked.strip()}?)")
        if thing is None or draft.attribute not in {None, *_NOT_A_THING}:
            return draft
        return replace(draft, attribute=thing.attribute.name, value=thing.value)

    return put


def second_line(draft: Draft, text: str) -> bool:
    """ "If I don't pick up, try 555 123 4567": another number, that takes no place of their own."""
    return draft.attribute == "phone" and draft.subject == CUSTOMER and unreached(text)


def unreached(text: str) -> bool:
    """Whether a message tells what to do when the customer does not answer."""
    return _UNREACHED.search(flat(text)) is not None


def district(draft: Draft, before: Sequence[Draft]) -> bool:
    """ "Vivo en Quito, en La Floresta": the second place is within the first, no other city."""
    return (
        draft.attribute == "city"
        and _PLACE.match(draft.quote) is not None
        and any(d.attribute == "city" and d.turn == draft.turn and not d.faint for d in before)
    )
