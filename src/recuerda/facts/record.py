"""Writing facts down: what reconciling decided about a message, or what is stated by hand."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Session, run
from recuerda.embeddings import Embedder, Vectors, from_bytes, to_bytes
from recuerda.errors import BadInput
from recuerda.extraction import Draft
from recuerda.extraction.catalogue import Catalogue
from recuerda.extraction.reconcile import Change, Close, Known, Record, Repeat
from recuerda.extraction.statements import normal, plain_value
from recuerda.facts.history import make_room, note, retire
from recuerda.facts.policy import purposes
from recuerda.facts.profile import get
from recuerda.facts.vectors import enqueue_vector
from recuerda.masking import mask
from recuerda.models import (
    Category,
    Conversation,
    Evidence,
    Fact,
    FactStatus,
    Message,
    Review,
    Sensitivity,
    Source,
)

EXTRACTOR = "extractor"


def known(fact: Fact) -> Known:
    """The fact as reconciling sees it."""
    return Known(
        id=fact.id,
        category=fact.category,
        attribute=fact.attribute,
        value=fact.value,
        statement=fact.statement,
        subject=fact.subject,
        status=fact.status,
        confidence=fact.confidence,
        source=fact.source,
        review=fact.review,
        valid_from=fact.valid_from,
        embedding=None if fact.embedding is None else from_bytes(fact.embedding),
        valid_to=fact.valid_to,
        superseded_by=fact.superseded_by,
    )


async def already_said(session: Session, message_id: str) -> set[tuple[int, int, str | None]]:
    """What was taken from this message before, in whatever state it is now: a replay changes nothing."""
    found = await run(session, _SAID, {"message": message_id})
    return {(start, end, attribute) for start, end, attribute in found}


_SAID = (  # made once: every turn says it
    select(Evidence.start, Evidence.end, Fact.attribute)
    .join(Fact, col(Fact.id) == col(Evidence.fact_id))
    .where(col(Evidence.message_id) == sa.bindparam("message"))
)


async def apply(
    session: Session,
    message: Message,
    conversation: Conversation,
    changes: Sequence[Change],
    vectors: Mapping[str, Vectors],
    *,
    embedder: Embedder,
    catalogue: Catalogue,
    marketing_uses: Collection[str] = (),
) -> list[str]:
    """Write what reconciling decided about one message; returns the ids of facts recorded or changed.

    `vectors` maps a draft's statement to its embedding. `marketing_uses`: see `policy`.
    """
    refused = await _rejected(session, message.customer_id)
    touched = []
    for change in changes:
        match change:
            case Record():
                if any(_same_again(change.draft, fact) for fact in refused):
                    # A person said it is not so: saying it again is a reason to look, not to believe.
                    change = replace(change, status=FactStatus.PROPOSED, review=True, supersedes=())
                fact = _new_fact(message, change, vectors, embedder, catalogue)
                fact.purposes = purposes(fact.sensitivity, marketing_uses)
                await _insert(session, fact, conversation, message, change)
            case Repeat():
                fact = await get(session, change.fact_id)
                if await _add_evidence(session, fact, message, conversation, change.draft):
                    fact.confidence = max(fact.confidence, change.draft.confidence)
                    note(session, fact, "repeated", EXTRACTOR)
            case Close():
                fact = await get(session, change.fact_id)
                retire(session, fact, message.at, EXTRACTOR, reason=change.reason)
        touched.append(fact.id)
    await session.flush()
    return touched


async def _rejected(session: Session, customer_id: str) -> list[Fact]:
    query = select(Fact).where(Fact.customer_id == customer_id, Fact.status == FactStatus.REJECTED)
    return list((await session.exec(query)).all())


def _same_again(draft: Draft, fact: Fact) -> bool:
    if fact.subject != draft.subject:
        return False
    if draft.attribute and draft.value is not None and fact.attribute == draft.attribute:
        return plain_value(fact.value) == plain_value(draft.value)
    return normal(fact.statement) == normal(draft.statement)


def _new_fact(
    message: Message,
    change: Record,
    vectors: Mapping[str, Vectors],
    embedder: Embedder,
    catalogue: Catalogue,
) -> Fact:
    draft = change.draft
    vector = vectors.get(draft.statement)
    return Fact(
        customer_id=message.customer_id,
        category=draft.category,
        attribute=draft.attribute,
        value=draft.value,
        single=bool(draft.attribute and catalogue.is_single(draft.attribute)),
        statement=draft.statement,
        language=draft.language,
        subject=draft.subject,
        status=change.status,
        sensitivity=draft.sensitivity,
        confidence=draft.confidence,
        source=Source.CONVERSATION,
        review=Review.NEEDED if change.review else Review.NOT_NEEDED,
        valid_from=change.valid_from or message.at,
        expires_at=change.expires_at,
        embedding=None if vector is None else to_bytes(vector),
        embedder=None if vector is None else embedder.name,
    )


async def _insert(
    session: Session, fact: Fact, conversation: Conversation, message: Message, change: Record
) -> None:
    """The fact and its first evidence together; those it replaces make room before it comes."""
    replaced = [await get(session, old_id) for old_id in change.supersedes]
    for old in replaced:
        retire(session, old, fact.valid_from, EXTRACTOR)
    if fact.status is FactStatus.ACTIVE:
        replaced += await make_room(session, fact, EXTRACTOR)
    evidence = _evidence(fact, message, conversation, change.draft)
    fact.evidence_id = evidence.id
    session.add(fact)
    await session.flush()
    session.add(evidence)
    for old in replaced:
        old.superseded_by = fact.id
    note(session, fact, "recorded", EXTRACTOR)


def _evidence(fact: Fact, message: Message, conversation: Conversation, draft: Draft) -> Evidence:
    return Evidence(
        fact_id=fact.id,
        message_id=message.id,
        conversation_id=conversation.id,
        customer_id=message.customer_id,
        channel=conversation.channel,
        at=message.at,
        quote=draft.quote,
        start=draft.start,
        end=draft.end,
    )


async def _add_evidence(
    session: Session, fact: Fact, message: Message, conversation: Conversation, draft: Draft
) -> bool:
    same = select(Evidence.id).where(
        Evidence.fact_id == fact.id,
        Evidence.message_id == message.id,
        Evidence.start == draft.start,
        Evidence.end == draft.end,
    )
    if (await session.exec(same)).first() is not None:
        return False
    session.add(_evidence(fact, message, conversation, draft))
    return True


async def state(
    session: Session,
    customer_id: str,
    *,
    category: Category,
    statement: str,
    language: str,
    source: Source,
    actor: str,
    attribute: str | None = None,
    value: str | None = None,
    subject: str = "customer",
    sensitivity: Sensitivity = Sensitivity.NONE,
    single: bool = False,
    marketing_uses: Collection[str] = (),
) -> Fact:
    """A fact said by hand, without a conversation behind it: by the brand's system, an agent, or the
    customer's yes to a question. Of a special category it awaits the customer's yes or an agent's."""
    if source is Source.CONVERSATION:
        raise BadInput("A fact from a conversation needs its message; send the message instead.")
    special = sensitivity is Sensitivity.SPECIAL
    fact = Fact(
        customer_id=customer_id,
        category=category,
        attribute=attribute,
        value=None if value is None else mask(value),
        statement=mask(statement),
        language=language,
        subject=subject,
        status=FactStatus.PROPOSED if special else FactStatus.ACTIVE,
        sensitivity=sensitivity,
        purposes=purposes(sensitivity, marketing_uses),
        source=source,
        review=Review.NEEDED if special else Review.NOT_NEEDED,
        single=single,
    )
    replaced = [] if special else await make_room(session, fact, actor)
    session.add(fact)
    await session.flush()
    for old in replaced:
        old.superseded_by = fact.id
    note(session, fact, "recorded", actor)
    await enqueue_vector(session, fact)
    return fact
