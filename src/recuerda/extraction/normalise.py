"""From a clause to `attribute: value`, free of language, as the catalogue says."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from recuerda.extraction.catalogue import Attribute, Catalogue
from recuerda.extraction.things import named, named_last, part_of, sized
from recuerda.extraction.tokens import flat, unaccented
from recuerda.extraction.values import birthday, email, money, phone, size
from recuerda.language import Language
from recuerda.models import Category

# Categories honest people confuse: an attribute of the one may name a clause judged as the other.
_NEAR: dict[Category, frozenset[Category]] = {
    Category.IDENTITY: frozenset(
        {Category.EVENT, Category.POSSESSION, Category.CONTACT, Category.LOCATION, Category.PREFERENCE}
    ),
    Category.EVENT: frozenset(
        {
            Category.LOCATION,
            Category.POSSESSION,
            Category.ISSUE,
            Category.IDENTITY,
            Category.INTENT,
            Category.ACTIVITY,
        }
    ),
    Category.POSSESSION: frozenset(
        {Category.IDENTITY, Category.ISSUE, Category.ACTIVITY, Category.PREFERENCE, Category.FIT}
    ),
    Category.PREFERENCE: frozenset({Category.INTENT, Category.HEALTH, Category.FIT, Category.CONTACT}),
    Category.INTENT: frozenset(
        {Category.CONTACT, Category.FIT, Category.PREFERENCE, Category.EVENT, Category.CONTACT}
    ),
    Category.HEALTH: frozenset({Category.PREFERENCE, Category.ISSUE, Category.FIT, Category.IDENTITY}),
    Category.FIT: frozenset({Category.HEALTH, Category.ISSUE, Category.PREFERENCE, Category.POSSESSION}),
    Category.ISSUE: frozenset({Category.CONTACT, Category.FIT, Category.HEALTH}),
    Category.CONTACT: frozenset({Category.PREFERENCE, Category.IDENTITY, Category.LOCATION}),
    Category.LOCATION: frozenset({Category.CONTACT, Category.IDENTITY, Category.EVENT}),
    Category.ACTIVITY: frozenset(
        {Category.CONTACT, Category.LOCATION, Category.EVENT, Category.IDENTITY, Category.PREFERENCE}
    ),
}
_NO = re.compile(
    r"\b(no|not|nao|never|nunca|ya no|nao vou|isn'?t|don'?t|dont|won'?t|wont|didn'?t|instead of|en vez de|"
    r"em vez de|"
    r"anymore|changed my mind about|me arrepenti de)\b"
)


_DENIES = re.compile(
    r"\b(not|isn't|don't|dont|doesn't|didn't|haven't|hasn't|no longer|never|no|nao|nunca|jamas|tampoco|ya "
    r"no|ni)\b"
    r"(?! (solo|so|only|just|obstante|problem|hay problema)\b)"
)
_ANSWERS = re.compile(
    r"^(yes|yeah|yep|no|nope|not|si|sim|nao|claro|ok\w*|sure|please|por favor)\b|^(\S+\s*){1,3}$"
)
NOT = "not "  # before the value of what is denied: `diet: not vegetarian`
_ANYWHERE = frozenset({"flag", "size", "email", "phone"})  # unmistakable whatever the clause is judged as
TYPED = frozenset({"choice", "size", "money", "email", "phone", "date"})  # a value or nothing


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clause says of one attribute. `span` is within the clause when only part of it says so."""

    attribute: Attribute
    value: str | None
    span: tuple[int, int] | None = None
    unnamed: bool = False  # a size of no thing that was named


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def read_all(
    clause: str,
    catalogue: Catalogue,
    category: Category,
    *,
    maybe: Collection[Category] = (),
    question: str = "",
    context: str = "",
    before: str = "",
    language: Language = "en",
) -> list[Reading]:
    """The attributes a clause of this category is about, likeliest first.

    The question it answers helps, and what was said `before` it: of which thing a size is.
    """
    said, asked, around = flat(clause), flat(question), flat(context)
    likely = {category, *maybe, *_NEAR[category]}
    things = named(said, catalogue)
    spoken_of = None if things else named_last(asked, catalogue) or named_last(flat(before), catalogue)
    found: list[tuple[int, Reading]] = []
    for attribute in catalogue:
        if attribute.category not in likely and attribute.type not in _ANYWHERE:
            continue
        if things and attribute.of and attribute not in things:
            continue
        start, end = part_of(attribute, said) if attribute.of and len(things) > 1 else (0, len(said))
        reading = _try(attribute, clause[start:end], said[start:end], asked, around, language)
        if reading and attribute.of and not things:
            reading = _of_thing(reading, spoken_of, clause, said)
        if reading is None or (reading.value is None and attribute.category is not category):
            continue
        if any(reading == other for _, other in found):
            continue
        # A value the catalogue spells out tells more than words taken as they stand.
        asked_for = attribute.type == "flag" and attribute.category is category  # what is to be done
        exact = reading.value is not None and (attribute.type in TYPED or asked_for)
        rank = (reading.value is not None) * 2 + exact * 2 + (attribute.category is category)
        # "You can call me in the mornings" tells the time; that it allows calls comes second.
        # "My wife is pescatarian" tells whose it is, which the subject says, and what: that comes first.
        # "Soy Carmen Blanco" is a name, whatever colour it sounds like.
        surname = attribute.name == "name" and category is Category.IDENTITY
        rank += 3 * surname - 5 * attribute.consents - 2 * (attribute.name == "family")
        found.append((rank, reading))
    return [reading for _, reading in sorted(found, key=lambda pair: -pair[0])]


_NUMBERED = re.compile(
    r"\b(pedido|orden|order|telefon[eo]|phone|celular|cuenta|conta|contrato|seguimiento)s?\b"
)
_OPENS = re.compile(
    r"(?:^|[,.:;] )\W*(?:(?:a|en|em|de|para|por|con|com|at|in|for|e|y|o|and|so|entonces|entao) )*"
    r"(?:que|cual\w*|cuant\w*|cuando|donde|adonde|como|quien\w*|what\w*|which|how|where|when|who|whose|"
    r"qual|quais|quant[oa]s?|onde|quando|quem)\b"
)


def open_question(question: str) -> bool:
    """Whether a (folded) question asks for something to fill in: "what size?", not "is it order 7?"."""
    return bool(question) and (len(question.split()) <= 3 or _OPENS.search(question) is not None)


_MONEY = re.compile(
    r"[$£€]|\b(budget|presupuesto|orcamento|dollars?|pounds?|euros?|bucks|quid|pesos|soles|reais|usd|cop|mxn|brl)\b"
)


@lru_cache(maxsize=512)
def _barred(attribute: Attribute, around: str, clause: str = "") -> bool:
    """Whether what was said before tells that it is about something else; asked for every clause."""
    if attribute.type == "money" and _MONEY.search(clause):
        return False  # that they spoke of a 54 cm frame does not make "1200 dollars" centimetres
    # That an order or a telephone was spoken of does not make "I wear a 43" its number; trousers would.
    near = _NUMBERED.sub("", around) if attribute.type == "size" else around
    return _compiled(attribute.unless).search(near) is not None


def _try(
    attribute: Attribute, clause: str, said: str, asked: str, around: str, language: Language
) -> Reading | None:
    match = _topic(attribute, unaccented(clause))
    by_question = match is None and open_question(asked) and _topic(attribute, asked) is not None
    if match is None and not by_question:
        return None
    if by_question and attribute.type == "flag" and not _ANSWERS.search(said):
        return None  # asked about a refund, they tell of their knee
    if attribute.unless and (
        _compiled(attribute.unless).search(said)
        or _barred(attribute, around, said)
        or _barred(attribute, asked)
    ):
        return None
    value = value_of(attribute, clause, said, match, by_question, language)
    if value is None and (attribute.type in TYPED or by_question):
        return None
    # "no fim do mês", "no WhatsApp": in Portuguese "no" is mostly "in the".
    denied = re.sub(r"\bno\b", " ", said) if language == "pt" else said
    if (
        value is not None and value in attribute.choices
    ):  # "no como carne" is all of it how one says vegetarian
        denied = _compiled(attribute.choices[value]).sub(" ", denied)
    if value is not None and attribute.type == "choice" and attribute.negatable and _DENIES.search(denied):
        value = f"{NOT}{value}"
    return Reading(attribute, value)


def _topic(attribute: Attribute, text: str) -> re.Match[str] | None:
    """Where a text is about the attribute; one with things and no words needs a size beside them."""
    if attribute.words:
        return _compiled(attribute.words).search(text)
    return _compiled(attribute.of).search(text) if sized(attribute, text.lower()) else None


def _of_thing(reading: Reading, thing: Attribute | None, clause: str, said: str) -> Reading:
    """The size as one of the thing spoken of, if it can be: no shoe is an M."""
    if thing is None:
        return replace(reading, unnamed=True)
    value = value_of(thing, clause, said, None, True, "en") if thing.type == "size" else None
    return reading if value is None else Reading(thing, value)


def value_of(
    attribute: Attribute,
    clause: str,
    said: str,
    match: re.Match[str] | None,
    by_question: bool,
    language: Language,
) -> str | None:
    if attribute.choices:
        chosen = [value for value, pattern in attribute.choices.items() if _compiled(pattern).search(said)]
        if not chosen and attribute.type == "choice":
            return _group(match, clause)
        return "/".join(chosen) if attribute.many and attribute.name == "colour" else next(iter(chosen), None)
    if attribute.type == "flag":
        # "no fim do mês": in Portuguese "no" is mostly "in the".
        denied = re.sub(r"\bno\b", " ", said) if language == "pt" else said
        return "no" if _NO.search(denied) else "yes"
    if attribute.type == "text":
        return clause.strip() if by_question and len(clause) <= 60 else _group(match, clause)
    read_as: dict[str, Callable[[str], str | None]] = {"money": money, "email": email, "phone": phone}
    if attribute.type in read_as:
        return read_as[attribute.type](clause)
    if attribute.type == "date":
        return birthday(clause, language)
    if attribute.type == "size":
        return size(said, letters=attribute.name != "shoe_size", alone=by_question)
    number = re.search(r"\d+(?:[.,]\d+)?", said)
    return number[0].replace(",", ".") if number else None


def _group(match: re.Match[str] | None, clause: str) -> str | None:
    if match is None:
        return None
    groups = match.re.groupindex
    name = next((n for n in ("v", "w", "u", "t") if n in groups and match[n]), None)
    return clause[match.start(name) : match.end(name)].strip(" .,;") if name else None


def inside(clause: str, catalogue: Catalogue) -> list[Reading]:
    """Traits named inside a clause about something else: "no support for my high arches"."""
    said = flat(clause)
    found = []
    things = named(said, catalogue)
    for attribute in things if len(things) > 1 else ():
        start, end = part_of(attribute, said)
        value = value_of(attribute, clause[start:end], said[start:end], None, False, "en")
        if end - start < len(said) and value:
            found.append(Reading(attribute, value, (start, end)))
    for attribute in catalogue:
        if not attribute.within or (attribute.unless and _compiled(attribute.unless).search(said)):
            continue
        topic = _compiled(attribute.words).search(said)
        span = _trait(attribute, said) if topic else None
        if span:
            value = value_of(attribute, clause, said, topic, False, "en")
            if value:
                found.append(Reading(attribute, value, span))
    return found


_OWNED = re.compile(r"\b(my|mi|mis|meu|minha|meus|minhas|un|um|tengo|tenho|i have)\s+([a-z-]+\s+){0,2}$")
_JOINED = re.compile(r"\b(?:and|y|e)\s+(?=([a-z-]+\s+){0,2}$)")  # "I have oily skin and wavy hair"
_HAS = re.compile(r"\b(i have|i've got|tengo|tenho|my|mi|meu|minha)\b")
_NOUN = re.compile(
    r"^\s*(?:[a-z-]+ ){0,2}?(?:arch(?:es)?|arcos?|puentes?|f(?:oo|ee)t|pies?|pes?|skin|piel|pele|hair|pelo|"
    r"cabelos?|cabello|\d\d(?:\.5|,5)?)\b"
)


def _trait(attribute: Attribute, said: str) -> tuple[int, int] | None:
    """The words of the trait with whose it is; None when it is nobody's in particular."""
    patterns = list(attribute.choices.values()) or [
        r"\b(size|talla|tamanho|numero|talle|calzo|calco) (?:n|no|nro )?\d\d?(?:[.,]5)?\b"
    ]
    for pattern in patterns:
        match = _compiled(pattern).search(said)
        if match is None:
            continue
        owner = _OWNED.search(said, 0, match.start())
        joined = _JOINED.search(said, 0, match.start()) if _HAS.search(said) else None
        if owner is None and joined is None and attribute.type != "size":
            continue
        start = joined.end() if joined else owner.start() if owner else match.start()
        tail = _NOUN.match(said, match.end())
        end = tail.end() if tail else match.end()
        while end < len(said) and said[end].isalnum():
            end += 1
        return start, end
    return None
