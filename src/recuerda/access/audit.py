"""The audit log: who read or changed which customer's data, when and from where. Never a customer's words.

The database refuses to change an entry, and to delete a young one (see migrations). Entries outlive an
erasure: all they hold of a customer is the id.
"""

from collections.abc import Collection
from datetime import timedelta

from sqlmodel import col, select

from recuerda.db import Session
from recuerda.models import AuditEntry, now

# A page that is read again and again (a live conversation) is one reading.
ONE_READING = timedelta(minutes=15)


def note(
    session: Session,
    *,
    actor: str,
    action: str,
    customer_id: str | None = None,
    target: str | None = None,
    address: str | None = None,
) -> None:
    """Add an entry to the caller's transaction, so that no change is committed without it.

    `actor` is an agent's e-mail address, a key's name, or the single sign-on's issuer; `action` is like
    `customer.export`; `target` is the id of what was touched when that is not the customer, or how an agent
    signed in; `address` is where the request came from.
    """
    session.add(
        AuditEntry(actor=actor, action=action, customer_id=customer_id, target=target, address=address)
    )


async def saw(
    session: Session,
    *,
    actor: str,
    action: str,
    customer_ids: Collection[str],
    target: str | None = None,
    address: str | None = None,
) -> None:
    """Note that these customers' data was read, once in a quarter of an hour."""
    wanted = set(customer_ids)
    recently = select(AuditEntry.customer_id).where(
        AuditEntry.actor == actor,
        AuditEntry.action == action,
        AuditEntry.target == target,
        AuditEntry.address == address,
        col(AuditEntry.customer_id).in_(wanted),
        col(AuditEntry.at) > now() - ONE_READING,
    )
    known = set((await session.exec(recently)).all())
    for customer_id in sorted(wanted - known):
        note(session, actor=actor, action=action, customer_id=customer_id, target=target, address=address)


async def find(
    session: Session,
    *,
    customer_id: str | None = None,
    actor: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[AuditEntry]:
    """Entries, newest first; `after` is the last entry's id of the page before."""
    query = select(AuditEntry)
    if customer_id is not None:
        query = query.where(AuditEntry.customer_id == customer_id)
    if actor is not None:
        query = query.where(AuditEntry.actor == actor)
    if after is not None:
        query = query.where(col(AuditEntry.id) < after)
    return list((await session.exec(query.order_by(col(AuditEntry.id).desc()).limit(limit))).all())
