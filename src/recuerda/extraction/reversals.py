"""Sentences that end what was true: "ya no soy vegetariana", "I sold the car", "it finally arrived"."""

import re
from dataclasses import dataclass

from recuerda.extraction.normalise import NOT
from recuerda.extraction.phrases import SAY
from recuerda.extraction.tokens import flat

ADDS = SAY["adds"]
_SWAP = re.compile(
    r"\b(?:traded|swapped|switched|replaced|exchanged|changed|cambie|cambiamos|reemplace|reemplazamos|permute|"
    r"troquei|trocamos|substitui)\b (?:in )?(?:from |de )?(?P<old>.{2,40}?) (?:in )?"
    r"(?:for|to|with|por|pel[oa]s?|para|pra|a) "
)


@dataclass(frozen=True, slots=True)
class Settled:
    """That something is over: the facts of these attributes are, of these values when it says which."""

    family: str
    attributes: frozenset[str]
    values: frozenset[str] | None = None

    def said(self, text: str) -> bool:
        return SAY[self.family].search(text) is not None


_ARRIVED = Settled("arrived", frozenset({"problem"}), frozenset({"not_received", "late", "missing_item"}))
_FIXED = Settled("fixed", frozenset({"problem"}))
_SETTLED = (
    _ARRIVED,
    _FIXED,
    Settled("returned", frozenset({"return", "exchange", "refund"})),
    Settled("kept", frozenset({"return", "exchange", "refund"})),
    Settled("stays", frozenset({"cancel"})),
    Settled("bought", frozenset({"buy"})),
    Settled("dry", frozenset({"nappy_size"})),
    Settled("born", frozenset({"condition"}), frozenset({"pregnancy"})),
)


def reverses(text: str) -> bool:
    """Whether a clause takes something back; such clauses matter even when they barely look like facts."""
    said = flat(text)
    return withdraws(said) or parted(said) or settled(said) or swapped(said) is not None


def is_denial(value: str | None) -> bool:
    """`not vegetarian`, or a plan answered with `no`."""
    return value is not None and (value == "no" or value.startswith(NOT))


def opposite(value: str | None) -> str | None:
    """What a denial denies: `vegetarian`, `yes`."""
    if value is None or not is_denial(value):
        return None
    return "yes" if value == "no" else value.removeprefix(NOT)


def withdraws(text: str) -> bool:
    """ "I no longer ..." - the opposite of what its words name is now true."""
    said = flat(text)
    return SAY["no_longer"].search(said) is not None or SAY["stops"].search(said) is not None


def swapped(text: str) -> str | None:
    """What was given for something else: "the Nikon" of "I traded the Nikon in for a Sony"."""
    found = _SWAP.search(flat(text))
    return found["old"] if found else None


def given_up(text: str) -> str | None:
    """What is no longer done, without the reason; "" when only "it", None when nothing is given up."""
    said = flat(text)
    found = SAY["stops"].search(said) or SAY["no_longer"].search(said)
    if found is None:
        return None
    why = SAY["why"].search(said, found.end())
    comma = re.compile("[,;]").search(said, found.end())
    kept = said[: min(m.start() for m in (why, comma) if m)] if why or comma else said
    stops = SAY["stops"]
    return "" if stops.search(said) and not kept[found.end() :].strip() else stops.sub(" ", kept)


def works_again(text: str) -> bool:
    """Put right, whatever it was; an arrival is no repair."""
    return _FIXED.said(flat(text))


def came(text: str) -> bool:
    return _ARRIVED.said(flat(text))


def resumes(text: str) -> bool:
    """Does again what was given up: "I'm back running", "volví a comer carne"."""
    return SAY["resumes"].search(flat(text)) is not None


def goes_back(text: str) -> bool:
    """ "Again", "as before", "volvimos a": it may be as it was once."""
    said = flat(text)
    return any(SAY[family].search(said) for family in ("again", "back", "resumes"))


def born(text: str) -> bool:
    return SAY["born"].search(flat(text)) is not None


def cancels(text: str) -> bool:
    """Something planned is called off; not "don't cancel"."""
    said = flat(text)
    return SAY["cancels"].search(said) is not None and SAY["stays"].search(said) is None


def replaces(text: str) -> bool:
    """ "I prefer black now": what held before does not."""
    return SAY["instead"].search(flat(text)) is not None


def restates(text: str) -> bool:
    """ "Make that a 9.5"."""
    return SAY["restates"].search(flat(text)) is not None


def of_old(text: str) -> bool:
    """It tells how it was long ago, and of no change since."""
    said = flat(text)
    turns = any(SAY[family].search(said) for family in ("instead", "stops", "no_longer", "gone", "back"))
    return SAY["long_ago"].search(said) is not None and not turns


def gains(text: str) -> bool:
    """Got something, besides what is gone: "I sold the Corsa and bought a Duster"."""
    return SAY["gains"].search(flat(text)) is not None


def adds(text: str) -> bool:
    """ "Also", "another": one more, not instead."""
    return ADDS.search(flat(text)) is not None


def parted(text: str) -> bool:
    """Sold, lost, given away, died."""
    return SAY["gone"].search(flat(text)) is not None


def dead(text: str) -> bool:
    return SAY["dead"].search(flat(text)) is not None


def settled(said: str) -> bool:
    """Whether a folded clause says that something is over and done."""
    return any(over.said(said) for over in _SETTLED)


def settles(text: str, attribute: str, value: str | None) -> bool:
    """Whether `text` says that an intent or issue of this attribute is over."""
    said = flat(text)
    return any(
        attribute in over.attributes and (over.values is None or value in over.values) and over.said(said)
        for over in _SETTLED
    )
