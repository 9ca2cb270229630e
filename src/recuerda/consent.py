"""What a customer agreed to: kept as said, one row each time, the newest of a purpose counts.

The service itself needs no consent (it is what the customer asks for); the other purposes are off until
they are given.
"""

from collections.abc import Mapping

from sqlmodel import col, select

from recuerda.db import Session
from recuerda.models import Consent, Purpose

_WITHOUT_ASKING: Mapping[Purpose, bool] = {
    Purpose.SERVICE: True,
    Purpose.MARKETING: False,
    Purpose.SPECIAL: False,
}


async def give(
    session: Session,
    customer_id: str,
    purpose: Purpose,
    *,
    how: str,
    actor: str,
    message_id: str | None = None,
) -> Consent:
    """Note that the customer agreed. `how` is where (chat, console, api); `message_id` their words."""
    return await _note(session, customer_id, purpose, True, how, actor, message_id)


async def withdraw(
    session: Session,
    customer_id: str,
    purpose: Purpose,
    *,
    how: str,
    actor: str,
    message_id: str | None = None,
) -> Consent:
    """Note that the customer took it back; what was done until now stays lawful."""
    return await _note(session, customer_id, purpose, False, how, actor, message_id)


async def has(session: Session, customer_id: str, purpose: Purpose) -> bool:
    """Whether the customer's data may be used for this purpose now."""
    query = (
        select(Consent.given)
        .where(Consent.customer_id == customer_id, Consent.purpose == purpose)
        .order_by(col(Consent.id).desc())
        .limit(1)
    )
    said = (await session.exec(query)).first()
    return _WITHOUT_ASKING[purpose] if said is None else said


async def history(session: Session, customer_id: str) -> list[Consent]:
    """All that was given and withdrawn, newest first."""
    query = select(Consent).where(Consent.customer_id == customer_id).order_by(col(Consent.id).desc())
    return list((await session.exec(query)).all())


async def standing(session: Session, customer_id: str) -> dict[Purpose, bool]:
    """What holds now, for every purpose."""
    newest: dict[Purpose, bool] = {}
    for consent in await history(session, customer_id):
        newest.setdefault(consent.purpose, consent.given)
    return {purpose: newest.get(purpose, otherwise) for purpose, otherwise in _WITHOUT_ASKING.items()}


async def _note(
    session: Session,
    customer_id: str,
    purpose: Purpose,
    given: bool,
    how: str,
    actor: str,
    message_id: str | None,
) -> Consent:
    consent = Consent(
        customer_id=customer_id, purpose=purpose, given=given, how=how, actor=actor, message_id=message_id
    )
    session.add(consent)
    await session.flush()
    return consent
