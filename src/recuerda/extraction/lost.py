"""Who died or is gone: what was told of them, and of nobody else. And a pregnancy that was lost."""

import re
from collections.abc import Sequence

from recuerda.extraction import Draft
from recuerda.extraction.changes import Known
from recuerda.extraction.phrases import SAY
from recuerda.extraction.reversals import dead, parted
from recuerda.extraction.statements import proper_names
from recuerda.extraction.subjects import CUSTOMER, PETS
from recuerda.extraction.tokens import flat
from recuerda.models import Category

_JOINED = re.compile(r"(\w+),? (?:and|y|e|&) ([A-ZÁÉÍÓÚ]\w+)")
_PARENTS = frozenset({CUSTOMER, "wife", "husband", "partner"})
_OF_A_PET = frozenset({"pet", "name", "age", "pet_weight"})


def departed(known: Sequence[Known], draft: Draft) -> list[Known]:
    """ "Kira died": what is said of Kira, and what was told of her in the same breath: "she is 4"."""
    names = proper_names(draft.statement)
    if not names or not (dead(draft.statement) or parted(draft.statement)):
        return []
    named = [k for k in known if names & _named(k)]
    told = [k for k in known if k not in named and any(k.valid_from == n.valid_from for n in named)]
    pets = [k for k in (*named, *told) if k.attribute == "pet" or k.subject in PETS]
    if not pets:
        return []
    kinds = {k.subject for k in pets} | {k.value for k in pets if k.attribute == "pet"}
    with_them = [k for k in told if _of(k, kinds)]
    return [k for k in (*named, *with_them, *_the_rest(known, pets, kinds)) if not _with_another(k, names)]


def miscarried(text: str) -> bool:
    """Whether a pregnancy was lost: this one, not one of years ago, nor only feared."""
    said = flat(text)
    return SAY["miscarried"].search(said) is not None and SAY["not_this_time"].search(said) is None


def expected(known: Sequence[Known], draft: Draft) -> list[Known]:
    """ "We lost the baby": that one was on the way, said of the same person or of the other parent."""
    if not miscarried(draft.statement):
        return []
    whose = {draft.subject} | (_PARENTS if draft.subject in {*_PARENTS, "baby"} else set())
    return [
        k
        for k in known
        if k.subject in whose and (k.value == "pregnancy" or SAY["expects"].search(flat(k.statement)))
    ]


def tells_a_loss(fact: Known) -> bool:
    """What died or was lost is so for good, whoever comes after."""
    lost = fact.category is Category.EVENT and parted(fact.statement)
    return dead(fact.statement) or lost


def of_another(fact: Known, draft: Draft) -> bool:
    """Whether the fact names somebody, and the draft somebody else."""
    names = proper_names(draft.statement if dead(draft.statement) else draft.statement[1:])  # "Kira died"
    theirs = proper_names(fact.statement[1:])
    return bool(names and theirs and not names & theirs)


def says_who(draft: Draft, over: Sequence[Known]) -> bool:
    """Whether it tells of a death, or of the loss of a pet: true for good, unlike a car that was sold."""
    pet = any(k.attribute == "pet" or k.subject in PETS for k in over)
    return dead(draft.statement) or (parted(draft.statement) and pet)


def _of(fact: Known, kinds: set[str | None]) -> bool:
    return fact.subject in kinds - {CUSTOMER} or fact.attribute in _OF_A_PET


def _the_rest(known: Sequence[Known], pets: Sequence[Known], kinds: set[str | None]) -> list[Known]:
    """What is known of the only pet of its kind, whenever it was said."""
    species = kinds & PETS
    others = [k for k in known if k.attribute == "pet" and k.value in species and k not in pets]
    return [] if others else [k for k in known if k.subject in species and k not in pets]


def _with_another(fact: Known, names: frozenset[str]) -> bool:
    """ "Kira and Duke": of one who is still there."""
    pairs = _JOINED.findall(fact.statement)
    return any((a in names) != (b in names) for a, b in pairs)


def _named(fact: Known) -> frozenset[str]:
    """Names in a statement; its first word is one only when there is hardly another."""
    said = fact.statement
    return proper_names(said if len(said.split()) < 3 else said[1:])
