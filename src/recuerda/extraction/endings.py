"""Which of the known facts are over, by what a draft says."""

from collections.abc import Sequence
from datetime import datetime

from recuerda.extraction import Draft
from recuerda.extraction.catalogue import Attribute, Catalogue
from recuerda.extraction.changes import SURE, Close, Known
from recuerda.extraction.grave import allowed_again
from recuerda.extraction.lost import departed, expected, of_another
from recuerda.extraction.replacing import (
    called_off,
    came_back,
    gone_back,
    parted_with,
    put_right,
    resumed,
    stopped,
    swapped_away,
    switched_back,
)
from recuerda.extraction.reversals import born, dead, is_denial, opposite, parted, settles, withdraws
from recuerda.extraction.statements import content, plain_value, topic
from recuerda.extraction.subjects import CUSTOMER
from recuerda.models import Category

SHARED = 0.6  # of the content words: what "no longer X" has in common with "X"
SAID = "said"
_LINES = {"phone": "calls"}  # a channel, and what is called so in objections
_PARTABLE = frozenset({Category.POSSESSION, Category.IDENTITY})


def ended(
    known: Sequence[Known],
    draft: Draft,
    attribute: Attribute | None,
    now: datetime,
    catalogue: Catalogue,
    past: Sequence[Known] = (),
) -> list[Close]:
    """What is no longer so, by what the draft says; `past` is what was so once."""
    closing: list[Close] = []
    positive = not is_denial(draft.value) and not withdraws(draft.statement)
    gone = (
        *stopped(known, draft),
        *resumed(known, draft),
        *came_back(known, draft),
        *gone_back(known, past, draft),
        *switched_back(known, draft),
        *called_off(known, draft),
        *swapped_away(known, draft),
        *put_right(known, draft),
        *parted_with(known, draft, catalogue),
        *allowed_again(known, draft, catalogue),
    )
    dead_and_gone = {k.id for k in (*departed(known, draft), *expected(known, draft))}
    done_with = {k.id for k in gone} | dead_and_gone
    for fact in known:
        theirs = fact.subject == draft.subject or (fact.attribute == "pet" and fact.value == draft.subject)
        theirs = theirs or fact.id in dead_and_gone or born(draft.statement)  # of the baby, and of the mother
        if not theirs or fact.valid_from > now:
            continue
        if attribute and positive and _closes(attribute, draft, fact):
            closing.append(Close(fact.id, draft, f"{SAID} {attribute.name}"))
        elif fact.attribute and settles(draft.statement, fact.attribute, fact.value):
            closing.append(Close(fact.id, draft, "settled"))
        elif fact.id in done_with or _withdrawn(fact, draft):
            closing.append(Close(fact.id, draft, "withdrawn"))
    return closing


def _closes(attribute: Attribute, draft: Draft, fact: Known) -> bool:
    """Whether saying this ends that. Consent reopens only what it names, and offers only when it is sure."""
    if fact.attribute not in attribute.closes or fact.value == "no":
        return False
    if not attribute.consents:
        return True
    channel = _LINES.get(draft.value or "", draft.value)
    return channel == fact.value and (draft.value != "marketing" or draft.confidence >= SURE)


def _withdrawn(fact: Known, draft: Draft) -> bool:
    if draft.attribute is not None and fact.attribute == draft.attribute:
        if is_denial(draft.value):
            return plain_value(fact.value) == plain_value(opposite(draft.value))
        if is_denial(fact.value) and not withdraws(draft.statement):
            return plain_value(draft.value) == plain_value(opposite(fact.value))
    if draft.subject != CUSTOMER and dead(draft.statement):
        of_them = draft.subject in {fact.subject, fact.value}
        return of_them and not dead(fact.statement) and not of_another(fact, draft)
    gone = parted(draft.statement) and fact.category in _PARTABLE
    if not (gone or withdraws(draft.statement)) or withdraws(fact.statement):
        return False
    if gone and fact.attribute == "pet":
        return draft.subject == fact.value or plain_value(draft.value) == plain_value(fact.value)
    if draft.attribute is not None and fact.attribute == draft.attribute:
        return draft.value is None or plain_value(fact.value) == plain_value(draft.value)
    ours, theirs = content(draft.statement), topic(fact.statement)
    return bool(theirs) and len(ours & theirs) >= SHARED * len(theirs)
