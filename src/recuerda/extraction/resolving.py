"""What a draft is about, by what is known: of which size, of whose, of which part of an address."""

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from recuerda.extraction import Draft
from recuerda.extraction.catalogue import Catalogue
from recuerda.extraction.changes import Known
from recuerda.extraction.reversals import adds, replaces
from recuerda.extraction.statements import proper_names
from recuerda.extraction.subjects import CUSTOMER, SUBJECTS
from recuerda.extraction.tokens import flat, words
from recuerda.extraction.values import size
from recuerda.models import Category, Sensitivity

_SPELT_ALIKE, _SHORT = 0.6, 7  # of letters; words of a clause that spells a name
_FAR = 0.35  # a corrected size is near the first one
_BARE = re.compile(
    r"^(i'?m|i am|it'?s|it is|make (?:it|that)|soy|son|es|que sean?|sou|sao|e|"
    r"coloca|que seja)( really| actually| now| ahora| agora| un| um| an?|"
    r" size| talla| down to| up to)*"
    r" (?P<v>\d{1,2}([.,]5)?( y medio| e meio)?)( really| actually| now| ahora| agora)*"
    r"([, ]+(not|no|nao|and not|y no|e nao)( an?| un| um)? \d{1,2}([.,]5)?)?( please| por favor)?$"
)
_SIZING = words(
    "i i'm i'd i've i'll we we're we've he he's she she's my now need take wear use using ask order get go "
    "going gone went move moved up down to for an a the size in been just really usually these days fits "
    "yo me mi ya ahora pido uso usa usamos usando llevo lleva calzo calza necesito paso pasamos pase subi "
    "subimos baje bajamos volvi volvimos quedo quede queda compro talla numero la el una un al de en con "
    "eu meu minha agora to tou estou ta peco visto veste preciso passei passamos subi desci voltei voltamos "
    "turns out measured resulta resulto que salio saiu deu dio anota anote anotar anoten pode mim daqui "
    "frente "
    "fico calco tamanho o os um uma no pra para pro hoje ultimamente lately son soy sou es e"
)
_LETTERS = words("XS S M L XL XXL P PP G GG XG")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_UNIT = re.compile(
    r"\b(apto|apt|ap|apartamento|depto|dpto|departamento|piso|flat|unit|suite|floor|bloco|bloque|torre|casa)\b"
    r"\.? ?(?:n\w* )?(\w*\d\w*)"
)
_COUNT = (
    r"\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dos|tres|cuatro|cinco|seis|"
    r"siete|ocho|nueve|diez|once|doce|dois|duas|quatro|sete|oito|nove|dez|onze|doze"
)
_HEADS = re.compile(
    rf"\b(?P<n>{_COUNT})"
    r" (?:of us|people|persons|guests|personas|invitados|comensales|pessoas|convidados)\b|"
    r"\b(?:we(?:'re| are|'ll be| will be)|somos|seremos|seriamos|vamos(?: a)?(?: ser)?|iremos)"
    r"(?: (?:only|just|now|down to|solo|ahora|agora|so|em|apenas|nada mas))*"
    rf" (?P<m>{_COUNT})"
    r"(?=[ .!]*$| now| ahora| agora)"
)
_OF_THEM_ALL = re.compile(
    r"\b(of us|it'?s|it'?ll be|it will be|there'?ll be|we'?re|we are|we'?ll be|we will be|somos|seremos|"
    r"seriamos|vamos|iremos|down to)\b"
)
_AT_HOME = re.compile(r"\b(home|house|household|family|live|familia|casa|hogar|vivimos|moramos)\b")
_JUST_A_NUMBER = re.compile(
    r"((sorry|perdon|desculpa|ops|oops|digo|no|nao|actually|en realidad|na verdade|it'?s|its|it is|make it|"
    r"es|e|el|la|o|que sea|number|house|numero|n|casa)[ ,.]+)+(?P<v>\d{2,5})"
)
_SHE = re.compile(r"\b(she|he|ella|el es|el usa|ela|ele)('?s)?\b")
_HE_FIRST = re.compile(r"^(\w+ )?(he|she|ella|el|ela|ele)('?s)? ")
_HOUSEHOLD = frozenset({"family", "pet"})


def resized(known: Sequence[Known], draft: Draft, catalogue: Catalogue) -> Draft:
    """ "I'm a 9.5 actually", "I need an L now": of the thing whose size is nearest, or was given last."""
    if draft.attribute is not None and not draft.unnamed:
        return draft
    said = _bare(flat(draft.statement).rpartition(":")[2].strip(" .,!"))
    number = size(said, letters=False, alone=True) if said else None
    new = number or _letter(draft.statement)
    sizes = [k for k in known if k.subject == draft.subject and _is_size(k, catalogue)]
    off = {k.id: _off(k.value, number) if number else float(k.value not in _LETTERS) for k in sizes}
    alike = [k for k in sizes if off[k.id] <= (_FAR if number else 0)]
    if new is None or not alike:
        return draft
    worn = min(alike, key=lambda k: (off[k.id], -k.valid_from.timestamp()))
    sensitivity = catalogue.sensitivity(worn.category, worn.attribute)
    return replace(
        draft, attribute=worn.attribute, value=new, category=worn.category, sensitivity=sensitivity
    )


def _off(old: str | None, new: str) -> float:
    """How far the one number is from the other, as a part of it; endless when it is no number."""
    known = float(old) if old and _NUMBER.fullmatch(old) else 0.0
    return abs(float(new) - known) / known if known else float("inf")


def _letter(statement: str) -> str | None:
    """The letter of "agora é G", "up to an XL now": a size and nothing else."""
    found = [t for t in re.findall(r"\b[A-Z]{1,3}\b", statement) if t in _LETTERS]
    rest = [
        w for w in re.findall(r"[a-z']+", flat(statement)) if w not in _SIZING and w.upper() not in _LETTERS
    ]
    return found[0] if len(found) == 1 and not rest else None


def _bare(said: str) -> str | None:
    """The size in a clause that says a size and nothing else: "ahora pido 39", "we're up to a 3 now"."""
    if found := _BARE.match(said):
        return found["v"]
    numbers = re.findall(r"(?<!\S)\d{1,2}(?:[.,]5)?(?!\S)", said)
    rest = [w for w in re.findall(r"[a-z']+", said) if w not in _SIZING]
    return numbers[0] if len(numbers) == 1 and not rest else None


def respelt(known: Sequence[Known], draft: Draft) -> Draft:
    """ "It's Catherine, with a C", when we know a Kathryn: of the name."""
    said = draft.statement
    if draft.attribute not in {None, "name"} or len(said.split()) > _SHORT:
        return draft
    for fact in known:
        if fact.attribute != "name" or fact.subject != draft.subject or not fact.value:
            continue
        if found := misspelt(fact.value, said):
            value = fact.value.replace(*found)
            return replace(draft, attribute="name", value=value, category=fact.category)
    return draft


def misspelt(before: str, after: str) -> tuple[str, str] | None:
    """A name of the one text and how the other spells it."""
    for old in sorted(proper_names(before)):
        for new in sorted(proper_names(after)):
            alike = SequenceMatcher(None, flat(old), flat(new)).ratio()
            if alike >= _SPELT_ALIKE and flat(old) != flat(new):
                return old, new
    return None


def spelt_before(known: Sequence[Known], draft: Draft) -> list[Known]:
    """ "It's McLeod", when a fact says Macleod: that fact, whatever it is of."""
    if not draft.corrects or len(draft.statement.split()) > _SHORT:
        return []
    return [
        k for k in known if k.subject == draft.subject and misspelt(k.statement[1:], f" {draft.statement}")
    ]


def _is_size(known: Known, catalogue: Catalogue) -> bool:
    attribute = catalogue.get(known.attribute)
    return attribute is not None and attribute.type == "size"


def within_address(known: Sequence[Known], draft: Draft) -> tuple[Known, Draft] | None:
    """ "Now it's flat 52": the place with another flat, and the draft with the rest of its address."""
    if number := _JUST_A_NUMBER.fullmatch(flat(draft.statement).strip(" .!")):
        return _mistyped(known, draft, number["v"])
    said = dict(_UNIT.findall(flat(draft.statement)))
    if not said or not replaces(draft.statement):
        return None
    for fact in known:
        before = flat(fact.value or fact.statement)
        at = next((m for m in _UNIT.finditer(before) if said.get(m[1], m[2]) != m[2]), None)
        if fact.category is not Category.LOCATION or fact.subject != draft.subject or at is None:
            continue
        whole = fact.value or fact.statement
        value = f"{whole[: at.start(2)]}{said[at[1]]}{whole[at.end(2) :]}" if fact.value else None
        return fact, replace(
            draft,
            category=fact.category,
            attribute=fact.attribute,
            value=value,
            sensitivity=Sensitivity.PERSONAL,
        )
    return None


def recounted(known: Sequence[Known], draft: Draft) -> tuple[Known, Draft] | None:
    """ "It's just three people now", of a party of four: that fact, and the draft as said of the same."""
    now = _heads(draft.statement) if _OF_THEM_ALL.search(flat(draft.statement)) else None
    if now is None or not replaces(draft.statement) or adds(draft.statement):
        return None
    home = _AT_HOME.search(flat(draft.statement)) is not None
    parties = [
        k
        for k in known
        if _heads(k.statement) not in {None, now}
        and k.subject in {draft.subject, CUSTOMER}
        and (_AT_HOME.search(flat(k.statement)) is not None) == home
    ]
    if len(parties) != 1 or parties[0].attribute is not None:
        return None
    (fact,) = parties
    return fact, replace(
        draft, category=fact.category, subject=fact.subject, attribute=None, value=None, faint=False
    )


def _heads(statement: str) -> str | None:
    """How many they are: a figure or its word."""
    found = _HEADS.search(flat(statement))
    return (found["n"] or found["m"]) if found else None


def _mistyped(known: Sequence[Known], draft: Draft, number: str) -> tuple[Known, Draft] | None:
    """ "It's 1210", of an address with 1201: the same figures in another order, or one of them different."""
    for fact in known:
        if fact.attribute != "address" or fact.subject != draft.subject or not fact.value:
            continue
        for old in re.findall(r"(?<!\d)\d{2,}(?!\d)", fact.value):
            swapped = sorted(old) == sorted(number)
            one = len(old) == len(number) and sum(a != b for a, b in zip(old, number, strict=True)) == 1
            if old != number and (swapped or (one and len(old) > 2)):
                value = fact.value.replace(old, number)
                right = replace(draft, attribute="address", value=value, category=fact.category)
                return fact, replace(right, sensitivity=Sensitivity.PERSONAL)
    return None


def named_before(known: Sequence[Known], draft: Draft) -> Draft:
    """ "Abril is three now", when we know of a daughter Abril: of the daughter."""
    if draft.subject != CUSTOMER:
        return draft
    for fact in known:
        if fact.subject != CUSTOMER and proper_names(draft.statement) & proper_names(fact.statement[1:]):
            return replace(draft, subject=fact.subject)
    if _SHE.search(flat(draft.statement)):
        of = {k.subject for k in known if draft.attribute and k.attribute == draft.attribute}
        if len(of) == 1:  # "... she is allergic to kiwi", when all allergies we know of are the daughter's
            return replace(draft, subject=of.pop())
        family = {k.value if k.attribute in _HOUSEHOLD else k.subject for k in known} - {CUSTOMER, None}
        family &= SUBJECTS
        if len(family) == 1 and _HE_FIRST.search(flat(draft.statement)):  # "he turned one", of the only child
            return replace(draft, subject=family.pop() or CUSTOMER)
    return draft
