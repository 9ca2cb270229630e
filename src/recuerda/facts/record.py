"""Writing facts down: what reconciling decided about a message, or what is stated by hand.

Every change leaves a `FactEvent`: who, when, why, and what it was before.
"""

from collections.abc import Mapping, Sequence

from sqlmodel import col, select

from recuerda.db import Session
from recuerda.embeddings import Embedder, Vectors, from_bytes, to_bytes
from recuerda.errors import BadInput
from recuerda.extraction import Draft
from recuerda.extraction.catalogue import load_catalogue
from recuerda.extraction.reconcile import Change, Close, Known, Record, Repeat
from recuerda.facts.profile import current, get
from recuerda.models import (
    Category,
    Conversation,
    Evidence,
    Fact,
    FactEvent,
    FactStatus,
    Message,
    Review,
    Sensitivity,
    Source,
    now,
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
    )


async def already_said(session: Session, message_id: str) -> set[tuple[int, int, str | None]]:
    """What was taken from this message before, in whatever state it is now: a replay changes nothing."""
    query = (
        select(Evidence.start, Evidence.end, Fact.attribute)
        .join(Fact, col(Fact.id) == col(Evidence.fact_id))
        .where(Evidence.message_id == message_id)
    )
    return {(start, end, attribute) for start, end, attribute in (await session.exec(query)).all()}


async def apply(
    session: Session,
    message: Message,
    changes: Sequence[Change],
    vectors: Mapping[str, Vectors],
    embedder: Embedder,
) -> list[str]:
    """Write what reconciling decided about one message; returns the ids of facts recorded or changed.

    `vectors` maps a draft's statement to its embedding.
    """
    conversation = await session.get_one(Conversation, message.conversation_id)
    touched = []
    for change in changes:
        match change:
            case Record():
                fact = await _record(session, message, conversation, change, vectors, embedder)
                for old_id in change.supersedes:
                    await _supersede(session, old_id, fact)
            case Repeat():
                fact = await get(session, change.fact_id)
                if await _add_evidence(session, fact, message, conversation, change.draft):
                    fact.confidence = max(fact.confidence, change.draft.confidence)
                    note(session, fact, "repeated", EXTRACTOR)
            case Close():
                fact = await get(session, change.fact_id)
                note(session, fact, "superseded", EXTRACTOR, reason=change.reason, before=state_of(fact))
                fact.status, fact.valid_to = FactStatus.SUPERSEDED, message.at
        touched.append(fact.id)
    await session.flush()
    return touched


async def _record(
    session: Session,
    message: Message,
    conversation: Conversation,
    change: Record,
    vectors: Mapping[str, Vectors],
    embedder: Embedder,
) -> Fact:
    draft = change.draft
    vector = vectors.get(draft.statement)
    fact = Fact(
        customer_id=message.customer_id,
        category=draft.category,
        attribute=draft.attribute,
        value=draft.value,
        statement=draft.statement,
        language=draft.language,
        subject=draft.subject,
        status=change.status,
        sensitivity=draft.sensitivity,
        confidence=draft.confidence,
        source=Source.CONVERSATION,
        review=Review.NEEDED,
        valid_from=change.valid_from or message.at,
        expires_at=change.expires_at,
        embedding=None if vector is None else to_bytes(vector),
        embedder=None if vector is None else embedder.name,
    )
    evidence = _evidence(fact, message, conversation, draft)
    fact.evidence_id = evidence.id
    session.add(fact)
    await session.flush()
    session.add(evidence)
    note(session, fact, "recorded", EXTRACTOR)
    return fact


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


async def _supersede(session: Session, old_id: str, new: Fact) -> None:
    old = await get(session, old_id)
    note(session, old, "superseded", EXTRACTOR, before=state_of(old))
    old.status, old.valid_to, old.superseded_by = FactStatus.SUPERSEDED, new.valid_from, new.id
    old.version += 1


def state_of(fact: Fact) -> dict[str, str | None]:
    return {"statement": fact.statement, "value": fact.value, "status": fact.status.value}


def note(
    session: Session,
    fact: Fact,
    action: str,
    actor: str,
    *,
    reason: str | None = None,
    before: dict[str, str | None] | None = None,
) -> None:
    session.add(
        FactEvent(
            fact_id=fact.id,
            customer_id=fact.customer_id,
            action=action,
            actor=actor,
            reason=reason,
            before=before,
        )
    )


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
) -> Fact:
    """A fact said by hand: by the brand's system or an agent, without a conversation behind it."""
    if source is Source.CONVERSATION:
        raise BadInput("A fact from a conversation needs its message; send the message instead.")
    fact = Fact(
        customer_id=customer_id,
        category=category,
        attribute=attribute,
        value=value,
        statement=statement,
        language=language,
        subject=subject,
        sensitivity=sensitivity,
        source=source,
        review=Review.NOT_NEEDED,
    )
    session.add(fact)
    await session.flush()
    note(session, fact, "recorded", actor)
    if attribute and load_catalogue().is_single(attribute):
        await replace_others(session, fact, actor)
    return fact


async def replace_others(session: Session, fact: Fact, actor: str) -> None:
    """A single-valued attribute has one current fact."""
    for other in await current(session, fact.customer_id):
        if (other.subject, other.attribute) == (fact.subject, fact.attribute) and other.id != fact.id:
            note(session, other, "superseded", actor, before=state_of(other))
            other.status, other.valid_to, other.superseded_by = FactStatus.SUPERSEDED, now(), fact.id
            other.version += 1


async def fill_embeddings(
    session: Session, facts: Sequence[Fact], vectors: Vectors, embedder: Embedder
) -> None:
    for fact, vector in zip(facts, vectors, strict=True):
        fact.embedding, fact.embedder = to_bytes(vector), embedder.name
