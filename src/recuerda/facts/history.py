"""Every change of a fact leaves a `FactEvent`: who, when, why, and what it was before. `past` reads them."""

from datetime import datetime

from sqlmodel import col, select

from recuerda.db import Session
from recuerda.masking import mask
from recuerda.models import Fact, FactEvent, FactStatus, now


def state_of(fact: Fact) -> dict[str, str | None]:
    """What its history keeps of a fact before a change."""
    return {
        "statement": mask(fact.statement),
        "value": None if fact.value is None else mask(fact.value),
        "status": fact.status.value,
        "valid_to": None if fact.valid_to is None else fact.valid_to.isoformat(),
    }


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
            reason=None if reason is None else mask(reason),
            before=before,
        )
    )


def retire(session: Session, fact: Fact, at: datetime, actor: str, *, reason: str | None = None) -> None:
    note(session, fact, "superseded", actor, reason=reason, before=state_of(fact))
    fact.status, fact.valid_to = FactStatus.SUPERSEDED, at
    fact.version += 1


async def make_room(session: Session, fact: Fact, actor: str) -> list[Fact]:
    """Before `fact` becomes current: retire what else is current for its single-valued attribute.

    The caller names `fact` as what supersedes them, once it is written.
    """
    if not fact.single:
        return []
    query = select(Fact).where(
        Fact.customer_id == fact.customer_id,
        Fact.subject == fact.subject,
        Fact.attribute == fact.attribute,
        col(Fact.single),
        Fact.status == FactStatus.ACTIVE,
        Fact.id != fact.id,
    )
    others = list((await session.exec(query)).all())
    for other in others:
        retire(session, other, now(), actor)
    await session.flush()
    return others
