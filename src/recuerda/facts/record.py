"""Writing facts down: what reconciling decided about a message, or what is stated by hand.

Every change leaves a `FactEvent`: who, when, why, and what it was before.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import col, select

from recuerda.db import Session
from recuerda.embeddings import Embedder, Vectors, from_bytes, to_bytes
from recuerda.errors import BadInput
from recuerda.extraction import Draft
from recuerda.extraction.catalogue import Catalogue
from recuerda.extraction.reconcile import Change, Close, Known, Record, Repeat
from recuerda.facts.profile import get
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
    *,
    embedder: Embedder,
    catalogue: Catalogue,
) -> list[str]:
    """Write what reconciling decided about one message; returns the ids of facts recorded or changed.

    `vectors` maps a draft's statement to its embedding.
    """
    conversation = await session.get_one(Conversation, message.conversation_id)
    touched = []
    for change in changes:
        match change:
            case Record():
                fact = _new_fact(message, change, vectors, embedder, catalogue)
                await _insert(session, fact, conversation, message, change)
            case Repeat():
                fact = await get(session, change.fact_id)
                if await _add_evidence(session, fact, message, conversation, change.draft):
                    fact.confidence = max(fact.confidence, change.draft.confidence)
                    note(session, fact, "repeated", EXTRACTOR)
            case Close():
                fact = await get(session, change.fact_id)
                _retire(session, fact, message.at, EXTRACTOR, reason=change.reason)
        touched.append(fact.id)
    await session.flush()
    return touched


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
        review=Review.NEEDED,
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
        _retire(session, old, fact.valid_from, EXTRACTOR)
    await make_room(session, fact, EXTRACTOR)
    evidence = _evidence(fact, message, conversation, change.draft)
    fact.evidence_id = evidence.id
    session.add(fact)
    await session.flush()
    session.add(evidence)
    for old in replaced:
        old.superseded_by = fact.id
    note(session, fact, "recorded", EXTRACTOR)


def _retire(session: Session, fact: Fact, at: datetime, actor: str, *, reason: str | None = None) -> None:
    note(session, fact, "superseded", actor, reason=reason, before=state_of(fact))
    fact.status, fact.valid_to = FactStatus.SUPERSEDED, at
    fact.version += 1


async def make_room(session: Session, fact: Fact, actor: str) -> None:
    """Before `fact` becomes current: retire what else is current for its single-valued attribute."""
    if fact.single and fact.status is FactStatus.ACTIVE:
        query = select(Fact).where(
            Fact.customer_id == fact.customer_id,
            Fact.subject == fact.subject,
            Fact.attribute == fact.attribute,
            col(Fact.single),
            Fact.status == FactStatus.ACTIVE,
            Fact.id != fact.id,
        )
        with session.no_autoflush:  # `fact` may be half way to being current
            others = (await session.exec(query)).all()
        for other in others:
            _retire(session, other, now(), actor)
    await session.flush()


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
    single: bool = False,
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
        single=single,
    )
    await make_room(session, fact, actor)
    session.add(fact)
    await session.flush()
    note(session, fact, "recorded", actor)
    return fact


async def fill_embeddings(
    session: Session, facts: Sequence[Fact], vectors: Vectors, embedder: Embedder
) -> None:
    for fact, vector in zip(facts, vectors, strict=True):
        fact.embedding, fact.embedder = to_bytes(vector), embedder.name
