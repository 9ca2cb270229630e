"""The profile: a customer's facts as they are shown, and the ways to list them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlmodel import col, select

from recuerda import consent
from recuerda.db import Session, Statement, fetch
from recuerda.errors import NotFound
from recuerda.facts.past import believed, held_at
from recuerda.models import (
    CURRENT,
    Category,
    Conversation,
    Evidence,
    Fact,
    FactEvent,
    FactStatus,
    Purpose,
    Review,
    Sensitivity,
    Source,
    now,
)


class EvidenceView(BaseModel):
    """Where a fact was said: `message.text[start:end] == quote`, counted in characters."""

    message_id: str
    conversation_id: str
    channel: str
    at: datetime
    quote: str
    start: int
    end: int


class FactView(BaseModel):
    """A fact as the API, the console and the export show it."""

    id: str
    customer_id: str
    category: Category
    attribute: str | None
    value: str | None
    statement: str
    language: str
    subject: str
    status: FactStatus
    sensitivity: Sensitivity
    purposes: list[Purpose] = Field(description="What it may be used for now, by policy and consent.")
    confidence: float
    evidence: list[EvidenceView]
    valid_from: datetime
    valid_to: datetime | None
    expires_at: datetime | None
    superseded_by: str | None
    source: Source
    review: Review


async def view(
    session: Session, facts: Sequence[Fact], *, known_at: datetime | None = None
) -> list[FactView]:
    """With `known_at`, only the evidence there was by then."""
    said: dict[str, list[EvidenceView]] = defaultdict(list)
    query = (
        select(Evidence)
        .join(Conversation, col(Conversation.id) == col(Evidence.conversation_id))
        .where(col(Evidence.fact_id).in_([f.id for f in facts]), col(Conversation.remember))
        .order_by(col(Evidence.at), col(Evidence.id))
    )
    for evidence in (await session.exec(query)).all():
        if known_at is None or evidence.at <= known_at:
            said[evidence.fact_id].append(EvidenceView.model_validate(evidence, from_attributes=True))
    at = known_at or now()
    agreed = {
        customer_id: await consent.has(session, customer_id, Purpose.MARKETING)
        for customer_id in {fact.customer_id for fact in facts}
    }
    return [
        FactView(
            **fact.model_dump(exclude={"embedding", "status", "purposes"}),
            status=FactStatus.EXPIRED if _has_expired(fact, at) else fact.status,
            purposes=[
                Purpose(purpose)
                for purpose in fact.purposes
                if purpose != Purpose.MARKETING or agreed[fact.customer_id]
            ],
            evidence=said[fact.id],
        )
        for fact in facts
    ]


def _has_expired(fact: Fact, at: datetime) -> bool:
    return fact.status is FactStatus.ACTIVE and fact.expires_at is not None and fact.expires_at <= at


def _not_expired(at: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(col(Fact.expires_at).is_(None), col(Fact.expires_at) > at)


async def current(session: Session, customer_id: str, *, proposed: bool = False) -> list[Fact]:
    """What may be used now: active and not expired; with `proposed`, also what awaits consent or review."""
    return await fetch(session, Fact, *current_of(customer_id, proposed=proposed))


def current_of(customer_id: str, *, proposed: bool = False) -> Statement:
    """What `current` asks for."""
    statuses = CURRENT if proposed else (FactStatus.ACTIVE,)
    return _CURRENT, {"customer": customer_id, "statuses": statuses, "now": now()}


_CURRENT = (  # made once: every turn says it
    select(Fact)
    .where(
        col(Fact.customer_id) == sa.bindparam("customer"),
        col(Fact.status).in_(sa.bindparam("statuses", expanding=True)),
        sa.or_(col(Fact.expires_at).is_(None), col(Fact.expires_at) > sa.bindparam("now")),
    )
    .order_by(col(Fact.id))
)


async def superseded(session: Session, customer_id: str) -> list[Fact]:
    """What is over, the latest first; not all of a long history."""
    return await fetch(session, Fact, _SUPERSEDED, {"customer": customer_id})


_SUPERSEDED = (
    select(Fact)
    .where(col(Fact.customer_id) == sa.bindparam("customer"), Fact.status == FactStatus.SUPERSEDED)
    .order_by(col(Fact.valid_to).desc())
    .limit(50)
)


async def find(
    session: Session,
    customer_id: str,
    *,
    status: FactStatus | None = None,
    category: Category | None = None,
    purpose: Purpose | None = None,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[Fact]:
    """Newest first. `as_of` gives what held at that moment, whatever became of it later; `known_at` what we
    believed then (see `past`); `purpose` what may be used for it now."""
    if known_at is not None:
        then = await believed(session, customer_id, known_at, as_of=as_of)
        chosen = [
            fact
            for fact in then
            if (status is None or fact.status is status)
            and (category is None or fact.category is category)
            and (after is None or fact.id < after)
        ]
        return chosen[:limit]
    query = select(Fact).where(Fact.customer_id == customer_id)
    if as_of is not None:
        query = query.where(*held_at(as_of))
    if purpose is not None:
        if not await consent.has(session, customer_id, purpose):
            return []
        query = query.where(sa.cast(col(Fact.purposes), sa.Text).contains(f'"{purpose.value}"'))
        query = query.where(Fact.status == FactStatus.ACTIVE, _not_expired(now()))
    if status is FactStatus.EXPIRED:
        query = query.where(
            sa.or_(
                col(Fact.status) == FactStatus.EXPIRED,
                sa.and_(col(Fact.status) == FactStatus.ACTIVE, sa.not_(_not_expired(now()))),
            )
        )
    elif status is not None:
        query = query.where(Fact.status == status)
        if status is FactStatus.ACTIVE:
            query = query.where(_not_expired(now()))
    if category is not None:
        query = query.where(Fact.category == category)
    if after is not None:
        query = query.where(col(Fact.id) < after)
    return list((await session.exec(query.order_by(col(Fact.id).desc()).limit(limit))).all())


async def get(session: Session, fact_id: str, *, customer_id: str | None = None) -> Fact:
    """Raises `NotFound`, also for a fact that is not `customer_id`'s, when that is given."""
    fact = await session.get(Fact, fact_id)
    if fact is None or (customer_id is not None and fact.customer_id != customer_id):
        raise NotFound("There is no fact with this id.")
    return fact


async def history(session: Session, fact_id: str) -> list[FactEvent]:
    query = select(FactEvent).where(FactEvent.fact_id == fact_id).order_by(col(FactEvent.id))
    return list((await session.exec(query)).all())
