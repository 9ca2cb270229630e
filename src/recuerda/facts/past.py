"""Two times: when something was true of a customer (`as_of`), and what we believed then (`known_at`).

A fact holds from `valid_from` to `valid_to`; we have known it since `created_at`, and what we thought of it
in between is rebuilt from its history. What was forgotten is forgotten for every moment.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Session
from recuerda.models import Fact, FactEvent, FactStatus

_HELD = (FactStatus.ACTIVE, FactStatus.SUPERSEDED, FactStatus.EXPIRED)


def held_at(as_of: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """What was true at that moment, by what we know now."""
    return (
        col(Fact.valid_from) <= as_of,
        sa.or_(col(Fact.valid_to).is_(None), col(Fact.valid_to) > as_of),
        sa.or_(col(Fact.expires_at).is_(None), col(Fact.expires_at) > as_of),
        col(Fact.status).in_(_HELD),
    )


async def believed(
    session: Session, customer_id: str, known_at: datetime, *, as_of: datetime | None = None
) -> list[Fact]:
    """The customer's facts as they stood at `known_at`, newest first; with `as_of`, those that, by what we
    believed then, were true at that moment. The rows are copies: nothing in them is to be saved."""
    query = select(Fact).where(
        Fact.customer_id == customer_id,
        col(Fact.created_at) <= known_at,
        Fact.status != FactStatus.FORGOTTEN,
    )
    facts = (await session.exec(query.order_by(col(Fact.id).desc()))).all()
    changes = select(FactEvent).where(
        FactEvent.customer_id == customer_id,
        col(FactEvent.at) > known_at,
        col(FactEvent.before).is_not(None),
    )
    first: dict[str, FactEvent] = {}
    for event in (await session.exec(changes.order_by(col(FactEvent.id)))).all():
        first.setdefault(event.fact_id, event)
    then = [_as_before(fact, first[fact.id]) if fact.id in first else fact for fact in facts]
    return then if as_of is None else [fact for fact in then if _held(fact, as_of)]


def _as_before(fact: Fact, change: FactEvent) -> Fact:
    before = change.before or {}
    valid_to = before.get("valid_to")
    return Fact(
        **fact.model_dump(exclude={"statement", "value", "status", "valid_to", "superseded_by"}),
        statement=before["statement"],
        value=before["value"],
        status=FactStatus(before["status"]),
        valid_to=datetime.fromisoformat(valid_to) if valid_to else None,
        superseded_by=fact.superseded_by if before["status"] == FactStatus.SUPERSEDED else None,
    )


def _held(fact: Fact, as_of: datetime) -> bool:
    ends = [end for end in (fact.valid_to, fact.expires_at) if end is not None]
    return fact.status in _HELD and fact.valid_from <= as_of and all(end > as_of for end in ends)
