"""What must not be forgotten by the way: an allergy, an illness, a diet, what somebody cannot eat."""

import re
from collections.abc import Sequence
from functools import lru_cache

from recuerda.extraction import Draft
from recuerda.extraction.catalogue import Attribute, Catalogue
from recuerda.extraction.changes import Known
from recuerda.extraction.phrases import SAY
from recuerda.extraction.statements import content, topic
from recuerda.extraction.tokens import flat
from recuerda.models import Category

_SAID_OF_EATING = content(
    "eat eats eating have having drink drinks take takes food can can't cannot really very any anything it "
    "me my no not please so puedo puede comer como come tomar tomo beber nada muy comida cosas todo por "
    "favor posso pode comendo tomando alimento coisas tudo muito nem ni"
)
_EATS = re.compile(
    r"\b(eat(s|ing|en)?|ate|diet|meat|com(er|o|e|emos|en|em|iendo|endo|i|imos)|coma(n|mos)?|dieta|carnes?)\b"
)

_EATS_NOW = re.compile(
    r"\b(ya|ahora|ja|agora|now|hoy|hoje) (\w+ )?(com[oe]|comemos|tom[oa]|bebo|eat(ing|s)?|drink(ing|s)?|"
    r"having)\b|\b(eat(ing|s)?|drink(ing|s)?|having)\b.{1,40}\bnow\b|"
    r"\b(ya|ja) (puede|podemos|pueden|puedo|pode|posso|podem)( volver a| voltar a)? (comer|tomar|beber)\b"
)
_WITHOUT = re.compile(r"\b(free|sin|sem|without|no|not|nao|zero|cero|less|menos|\w+n'?t)\b")
_YOU = re.compile(r"\b(you|usted(es)?|voces?|vcs?)\b")


def forbids(statement: str) -> bool:
    """Whether it tells of what somebody cannot eat, or falls ill from."""
    return SAY["forbids"].search(flat(statement)) is not None


def is_grave(fact: Known) -> bool:
    """Whether forgetting the fact may do harm."""
    return fact.category is Category.HEALTH or fact.attribute == "diet" or forbids(fact.statement)


def speaks_of(fact: Known, text: str, catalogue: Catalogue) -> bool:
    """Whether a message says something of what a grave fact is about.

    That it names its food or its words, or that all is well and no other food.
    """
    theirs, ours = foods(fact.statement, catalogue), foods(text, catalogue)
    if theirs and ours:
        return bool(theirs & ours)
    if fact.attribute == "diet" and _EATS.search(flat(text)):
        return True  # "I eat fish and eggs now" is of being vegan
    if not ours and SAY["allowed"].search(flat(text)):
        return True
    return bool(content(text) & (topic(fact.statement) - _SAID_OF_EATING))


def allowed_again(known: Sequence[Known], draft: Draft, catalogue: Catalogue) -> list[Known]:
    """ "I can have milk again": what forbade that food."""
    if SAY["allowed"].search(flat(draft.statement)) is None:
        return []
    ours = foods(draft.statement, catalogue)
    return [
        k
        for k in known
        if k.subject == draft.subject and forbids(k.statement) and ours & foods(k.statement, catalogue)
    ]


def eats_now(text: str, catalogue: Catalogue) -> bool:
    """ "He can eat eggs now", "já como pão normal": worth hearing though it hardly looks like a fact."""
    said = flat(text)
    told = _EATS_NOW.search(said) or SAY["allowed"].search(said)
    return told is not None and _YOU.search(said) is None and bool(foods(text, catalogue))


def goes_without(text: str) -> bool:
    """Whether the food that is named is what is left out."""
    return _WITHOUT.search(flat(text)) is not None


def foods(text: str, catalogue: Catalogue) -> frozenset[str]:
    """Kinds of food, and of what else people cannot bear, that a text names."""
    allergy = catalogue.get("allergy")
    return _kinds(allergy, flat(text)) if allergy else frozenset()


@lru_cache(maxsize=200)
def _kinds(attribute: Attribute, said: str) -> frozenset[str]:
    return frozenset(kind for kind, pattern in attribute.choices.items() if re.search(pattern, said))
