"""What new drafts do to the facts already known. Pure: no database, no clock, no model.

A single-valued attribute is superseded by a newer statement, a multi-valued one accumulates, the same
said again is evidence, "no longer" closes. What is not sure enough is proposed for review, not assumed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from recuerda.embeddings import Vectors
from recuerda.extraction import Draft
from recuerda.extraction.catalogue import Attribute, Catalogue
from recuerda.extraction.changes import SURE, Change, Close, Known, Record, Repeat, new_record
from recuerda.extraction.endings import SAID, ended
from recuerda.extraction.lost import miscarried, says_who
from recuerda.extraction.outdated import Said
from recuerda.extraction.overtaken import overtake
from recuerda.extraction.replacing import taken_over
from recuerda.extraction.resolving import (
    named_before,
    recounted,
    resized,
    respelt,
    spelt_before,
    within_address,
)
from recuerda.extraction.reversals import (
    adds,
    gains,
    is_denial,
    of_old,
    opposite,
    parted,
    replaces,
    restates,
    swapped,
    withdraws,
)
from recuerda.extraction.statements import normal, numbers, other_amount, plain_value
from recuerda.extraction.values import shoe_systems
from recuerda.models import CURRENT, Category, FactStatus, Review, Source

SAME = 0.92  # cosine from which two statements without attribute say the same


_CHANGEABLE = frozenset({Category.PREFERENCE, Category.ACTIVITY})


def reconcile(
    current: Sequence[Known],
    drafts: Sequence[Draft],
    now: datetime,
    catalogue: Catalogue,
    vectors: Mapping[str, Vectors] | None = None,
    said: Said | None = None,
) -> list[Change]:
    """What to write for the drafts of one message, said at `now`.

    `current` may hold what is over as well: by it is seen what a customer goes back to, and from what.
    `vectors` maps statements of drafts to embeddings; without it, drafts that have no attribute are
    compared by their words alone. With `said`, the message with its vectors, what no pattern ends may be
    judged outdated. Of two values of a single-valued attribute in one message the last counts.
    """
    known = [k for k in current if k.status in CURRENT]
    drafts = [d for d in drafts if not d.spare]
    rejected = [k for k in current if k.status is FactStatus.REJECTED]
    past = [k for k in current if k.status is FactStatus.SUPERSEDED]
    changes: list[Change] = []
    for draft in _last_word(drafts, catalogue):
        done = {c.fact_id for c in changes if isinstance(c, Close)}
        done |= {i for c in changes if isinstance(c, Record) for i in c.supersedes}
        vector = (vectors or {}).get(draft.statement)
        left = [k for k in known if k.id not in done]
        draft = named_before(left, draft)
        decided = _decide(left, draft, now, catalogue, vector, past)
        if draft.contested:
            decided = [c for c in decided if not isinstance(c, Close)]
        if draft.faint:
            told = any(_says_so(c, draft) for c in [*changes, *decided])
            decided = [
                c
                for c in decided
                if isinstance(c, Close)
                or (isinstance(c, Record) and (c.supersedes or told or not c.draft.faint))
            ]
        changes += [_doubted(c, rejected) if isinstance(c, Record) else c for c in decided]
    return changes if said is None else overtake(known, changes, said, now, catalogue)


def _doubted(record: Record, rejected: Sequence[Known]) -> Record:
    """A person looks at what two readers differ on, and at what a person judged wrong and is said again."""
    draft = record.draft
    same = draft.contested or any(
        k.subject == draft.subject
        and (
            normal(k.statement) == normal(draft.statement)
            or (
                draft.value
                and k.attribute == draft.attribute
                and plain_value(k.value) == plain_value(draft.value)
            )
        )
        for k in rejected
    )
    return replace(record, status=FactStatus.PROPOSED, review=True, supersedes=()) if same else record


def _last_word(drafts: Sequence[Draft], catalogue: Catalogue) -> list[Draft]:
    """Without a draft said twice, or overruled later in the same message."""
    kept: dict[tuple[object, ...], Draft] = {}
    for draft in sorted(drafts, key=lambda d: (d.faint, d.turn, d.start)):
        attribute = catalogue.get(draft.attribute)
        if attribute is None:
            key: tuple[object, ...] = (draft.category, draft.subject, normal(draft.statement))
        elif attribute.many or withdraws(draft.statement):
            key = (draft.attribute, draft.subject, draft.value, draft.value or normal(draft.statement))
        else:
            key = (draft.attribute, draft.subject)
        if key in kept and (draft.faint or _only_denies_another(draft, kept[key])):
            continue
        kept.pop(key, None)
        kept[key] = draft
    return list(kept.values())


def _says_so(change: Change, draft: Draft) -> bool:
    """Whether the clause of the draft ended something by what it says outright."""
    by = change.draft if isinstance(change, Close) and change.reason.startswith(SAID) else None
    return by is not None and (by.start, by.turn) == (draft.start, draft.turn)


def _only_denies_another(draft: Draft, said: Draft) -> bool:
    """ "Write on WhatsApp, I don't read mail": the second says less than the first."""
    denied = opposite(draft.value)
    return denied not in {None, "yes"} and not is_denial(said.value) and denied != said.value


def _decide(
    known: Sequence[Known],
    draft: Draft,
    now: datetime,
    catalogue: Catalogue,
    vector: Vectors | None,
    past: Sequence[Known],
) -> list[Change]:
    draft = respelt(known, resized(known, draft, catalogue))
    moved = within_address(known, draft) or recounted(known, draft)
    if moved:
        return [new_record(moved[1], now, catalogue, supersedes=(moved[0].id,))]
    attribute = catalogue.get(draft.attribute)
    over: list[Change] = [*ended(known, draft, attribute, now, catalogue, past)]
    taken = withdraws(draft.statement) or parted(draft.statement)
    back = is_denial(draft.value) or (taken and not swapped(draft.statement) and not gains(draft.statement))
    if miscarried(draft.statement):
        # Whatever it looked like: to be asked for before it is kept, as all that is of health.
        return [*over, new_record(_of_health(draft, catalogue), now, catalogue)]
    gone = [k for k in known if any(isinstance(c, Close) and c.fact_id == k.id for c in over)]
    if over and says_who(draft, gone):
        loss = replace(draft, category=Category.EVENT, attribute=None, value=None, faint=False)
        return [*over, new_record(loss, now, catalogue)]
    if over and (back or _only_settles(over, draft)):
        return over
    closed = {c.fact_id for c in over if isinstance(c, Close)}
    left = [k for k in known if k.id not in closed]
    if withdraws(draft.statement) and not is_denial(draft.value):
        # "I no longer live in Lima" from somebody we never knew in Lima: true, but not `city: Lima`.
        return [*over, new_record(draft, now, catalogue, bare=True)]
    if attribute is None or draft.value is None:
        same = _same_statement(left, draft, vector)
        if same:
            return [*over, Repeat(same.id, draft)]
        old = spelt_before(left, draft) or taken_over(left, draft, catalogue, vector)
        return [*over, new_record(draft, now, catalogue, supersedes=tuple(k.id for k in old))]
    if attribute.category is Category.FIT and of_old(draft.statement):
        return [*over, new_record(draft, now, catalogue, bare=True)]  # "as a kid I took a 36"
    change = _by_attribute(left, draft, attribute, now, catalogue)
    if isinstance(change, Record) and not change.supersedes:
        old = taken_over(left, draft, catalogue, vector)
        if change.status is FactStatus.PROPOSED:
            old = [k for k in old if k.status is FactStatus.PROPOSED]
        change = replace(change, supersedes=tuple(k.id for k in old))
    return [*over, change]


def _by_attribute(
    known: Sequence[Known], draft: Draft, attribute: Attribute, now: datetime, catalogue: Catalogue
) -> Change:
    rivals = [k for k in known if k.attribute == attribute.name and k.subject == draft.subject]
    same = [k for k in rivals if plain_value(k.value) == plain_value(draft.value)]
    if same:
        latest = max(same, key=lambda k: (k.status is FactStatus.ACTIVE, k.valid_from))
        if attribute.many and _told_anew(latest, draft):
            return new_record(draft, now, catalogue, supersedes=(latest.id,))
        return Repeat(latest.id, draft)
    if attribute.many and replaces(draft.statement) and attribute.category in _CHANGEABLE:
        # "I prefer black now": the tastes before are over, though a customer may have several.
        return new_record(draft, now, catalogue, supersedes=tuple(k.id for k in rivals if k.valid_from < now))
    owned = attribute.many and attribute.category is Category.POSSESSION and len(rivals) == 1
    if owned and (replaces(draft.statement) or swapped(draft.statement)) and not adds(draft.statement):
        # "Now I drive a Corolla": instead of the only car there was.
        return new_record(draft, now, catalogue, supersedes=tuple(k.id for k in rivals))
    if attribute.many:
        old = [k for k in rivals if draft.corrects or {k.value, draft.value} <= set(attribute.one_of)]
        # Taking one back of several says not which one.
        if (len(old) == 1 or not draft.corrects) and not any(_protected(k, draft) for k in old):
            return new_record(
                draft, now, catalogue, supersedes=tuple(k.id for k in old if k.valid_from <= now)
            )
    if attribute.many or not rivals:
        return new_record(draft, now, catalogue)
    if attribute.name == "shoe_size" and all(_of_other_system(k, draft) for k in rivals):
        return new_record(draft, now, catalogue, bare=True)  # the same foot told in another system, or nearly
    if any(_protected(k, draft) or k.valid_from > now for k in rivals):
        return new_record(draft, now, catalogue, unsure=True)
    record = new_record(draft, now, catalogue)
    if record.status is FactStatus.PROPOSED:
        # Nothing that holds is overwritten by what nobody has agreed to; an older proposal is.
        rivals = [k for k in rivals if k.status is FactStatus.PROPOSED]
    return new_record(draft, now, catalogue, supersedes=tuple(k.id for k in rivals))


def _told_anew(known: Known, draft: Draft) -> bool:
    """ "Losartan 50", then "losartan 100": the same, and not the same any more."""
    return (
        other_amount(known.statement, draft.statement)
        and not adds(draft.statement)
        and not draft.faint
        and not _protected(known, draft)
    )


def _of_other_system(known: Known, draft: Draft) -> bool:
    """ "EU 44", then "US 10": neither replaces the other, unless it is said that the size changed."""
    if draft.corrects or replaces(draft.statement) or restates(draft.statement):
        return False
    before = shoe_systems(known.statement, known.value or "")
    return not before & shoe_systems(draft.statement, draft.value or "")


def _protected(known: Known, draft: Draft) -> bool:
    """A person vouched for it, and the draft is not sure."""
    vouched = known.review is Review.DONE or known.source is Source.AGENT
    return vouched and known.status is FactStatus.ACTIVE and draft.confidence < SURE


def _of_health(draft: Draft, catalogue: Catalogue) -> Draft:
    sensitivity = catalogue.sensitivity(Category.HEALTH, None)
    return replace(
        draft, category=Category.HEALTH, attribute=None, value=None, sensitivity=sensitivity, faint=False
    )


def _only_settles(over: Sequence[Change], draft: Draft) -> bool:
    """The draft says nothing but that something is over."""
    return draft.category in {Category.ISSUE, Category.INTENT} and any(
        isinstance(c, Close) and c.reason == "settled" for c in over
    )


def _same_statement(known: Sequence[Known], draft: Draft, vector: Vectors | None) -> Known | None:
    mine = normal(draft.statement)
    for fact in known:
        if fact.category is not draft.category or fact.subject != draft.subject:
            continue
        if normal(fact.statement) == mine:
            return fact
        close = vector is not None and fact.embedding is not None and float(fact.embedding @ vector) >= SAME
        # Numbers make statements that are near in meaning different facts: "at 3", "at 5".
        if (
            close
            and numbers(fact.statement) == numbers(draft.statement)
            and fact.attribute == draft.attribute
        ):
            return fact
    return None


__all__ = ["Change", "Close", "Known", "Record", "Repeat", "reconcile"]
