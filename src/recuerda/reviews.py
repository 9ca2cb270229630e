"""Reviewing: an agent's, or the customer's own, word on a fact."""

from collections.abc import Sequence
from typing import Literal, get_args

from sqlmodel import col, select

from recuerda.db import Session
from recuerda.errors import BadInput, Conflict
from recuerda.facts.history import make_room, note, state_of
from recuerda.facts.profile import get
from recuerda.facts.vectors import enqueue_vector
from recuerda.masking import mask
from recuerda.models import CURRENT, Fact, FactEvent, FactStatus, Review, now

Decision = Literal["confirm", "edit", "reject", "forget"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)


async def queue(session: Session, *, after: str | None = None, limit: int = 50) -> list[Fact]:
    """Facts waiting for a reviewer, oldest first; what is past or forgotten needs none."""
    query = select(Fact).where(Fact.review == Review.NEEDED, col(Fact.status).in_(CURRENT))
    if after is not None:
        query = query.where(col(Fact.id) > after)
    return list((await session.exec(query.order_by(col(Fact.id)).limit(limit))).all())


async def decide(
    session: Session,
    fact_id: str,
    decision: Decision,
    *,
    actor: str,
    owner: str | None = None,
    statement: str | None = None,
    value: str | None = None,
    reason: str | None = None,
) -> Fact:
    """An agent's, or the customer's own, word on a fact. Kept with who, when, why and what it was.

    With `owner`, a fact of anybody else is `NotFound`.
    """
    fact = await get(session, fact_id, customer_id=owner)
    if fact.status is FactStatus.SUPERSEDED and decision in ("confirm", "edit"):
        raise Conflict(
            "The customer said something newer since; decide on that fact.", superseded_by=fact.superseded_by
        )
    if decision == "edit" and statement is None and value is None:
        raise BadInput("An edit needs a new `statement`, a new `value`, or both.")
    note(session, fact, decision, actor, reason=reason, before=state_of(fact))
    fact.review = Review.DONE
    fact.version += 1
    if decision == "edit":
        fact.statement = mask(statement) if statement is not None else fact.statement
        fact.value = mask(value) if value is not None else fact.value
        fact.embedding = fact.embedder = None
        await enqueue_vector(session, fact)
    if decision in ("confirm", "edit"):
        await _make_current(session, fact, actor)
    else:
        fact.status = FactStatus.REJECTED if decision == "reject" else FactStatus.FORGOTTEN
        fact.valid_to = now()
    await session.flush()
    return fact


async def _make_current(session: Session, fact: Fact, actor: str) -> None:
    for other in await make_room(session, fact, actor):  # first: two must never be current at once
        other.superseded_by = fact.id
    fact.status, fact.valid_to, fact.superseded_by = FactStatus.ACTIVE, None, None
    await session.flush()


async def restore(session: Session, customer_id: str, fact_ids: Sequence[str], *, actor: str) -> list[Fact]:
    """Undo of a forgetting the customer did not mean."""
    restored = []
    for fact_id in fact_ids:
        fact = await get(session, fact_id)
        if fact.customer_id == customer_id and fact.status is FactStatus.FORGOTTEN:
            was = await _status_before(session, fact_id)
            note(session, fact, "restored", actor, before=state_of(fact))
            fact.version += 1
            if was is FactStatus.PROPOSED:  # it still awaits what it awaited
                fact.status, fact.valid_to, fact.review = was, None, Review.NEEDED
            else:
                await _make_current(session, fact, actor)
            restored.append(fact)
    return restored


async def _status_before(session: Session, fact_id: str) -> FactStatus:
    """What a forgotten fact was until then."""
    forgotten = select(FactEvent).where(FactEvent.fact_id == fact_id, FactEvent.action == "forget")
    last = (await session.exec(forgotten.order_by(col(FactEvent.id).desc()).limit(1))).first()
    return FactStatus((last.before or {})["status"]) if last and last.before else FactStatus.ACTIVE
