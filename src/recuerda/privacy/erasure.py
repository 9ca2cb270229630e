"""Removing a customer everywhere, with a receipt."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import customers
from recuerda.db import Database, Session
from recuerda.errors import NotFound
from recuerda.memory import Memories
from recuerda.models import (
    Conversation,
    Customer,
    DataRequest,
    Erasure,
    ErasureStatus,
    Fact,
    Identity,
    Law,
    Message,
    RequestKind,
    RequestStatus,
    now,
)
from recuerda.privacy import requests
from recuerda.privacy.owned import holding_words, owned_tables, theirs, with_merged
from recuerda.privacy.scrub import scrub
from recuerda.work import Write, enqueue

# What no program can reach from here; the receipt says so, docs/privacy.md says what to do.
_BEYOND = "Backups, and PostgreSQL's log files, hold what they held until they are replaced."


async def request_erasure(
    session: Session, customer_id: str, *, actor: str, otherwise: Law = Law.GDPR
) -> Erasure:
    """Note the wish and enqueue the work. From this commit on nothing of the customer is served.

    `otherwise` is the law whose clock runs when the customer's country names none.
    """
    asked = (await session.exec(select(Erasure).where(Erasure.customer_id == customer_id))).first()
    if asked is not None:
        return asked
    customer = await customers.get(session, customer_id)
    request = await requests.receive(session, customer.id, RequestKind.ERASURE, by=actor, otherwise=otherwise)
    erasure = Erasure(customer_id=customer.id, requested_by=actor)
    session.add(erasure)
    await session.flush()
    request.erasure_id = erasure.id
    ids = await with_merged(session, customer.id)
    await _lock(session, ids)
    erasure.receipt = {"rows": await delete_rows(session, ids)}
    await _silence_requests(session, ids)
    await enqueue(session, "erase", lane="erase", payload={"erasure_id": erasure.id, "customer_ids": ids})
    return erasure


async def _lock(session: Session, ids: Sequence[str]) -> None:
    """Whoever is writing about these customers is waited for, so that what they write is deleted too; in the
    order in which they lock. Learning refers to conversations, which it must still be able to."""
    theirs = select(Identity.id).where(col(Identity.customer_id).in_(ids)).order_by(Identity.id)
    await session.exec(theirs.with_for_update())
    talks = select(Conversation.id).where(col(Conversation.customer_id).in_(ids)).order_by(Conversation.id)
    await session.exec(talks.with_for_update(key_share=True))
    them = select(Customer.id).where(col(Customer.id).in_(ids)).order_by(Customer.id)
    await session.exec(them.with_for_update())


async def get_erasure(session: Session, erasure_id: str) -> Erasure:
    erasure = await session.get(Erasure, erasure_id)
    if erasure is None:
        raise NotFound("There is no erasure with this id.")
    return erasure


async def delete_rows(session: Session, ids: Sequence[str]) -> dict[str, int]:
    """All rows of these customers, and the customers; how many of each table."""
    await session.flush()
    counts = {}
    # A fact points at the fact that replaced it, a reply at its message: let go first.
    await session.exec(sa.update(Fact).where(col(Fact.customer_id).in_(ids)).values(superseded_by=None))
    await session.exec(sa.update(Message).where(col(Message.customer_id).in_(ids)).values(reply_to=None))
    connection = await session.connection()
    for table in owned_tables():
        counts[table.name] = (await connection.execute(table.delete().where(theirs(table, ids)))).rowcount
    await session.exec(sa.update(Customer).where(col(Customer.id).in_(ids)).values(merged_into=None))
    result = await session.exec(sa.delete(Customer).where(col(Customer.id).in_(ids)))
    counts["customer"] = result.rowcount
    return counts


async def _silence_requests(session: Session, ids: Sequence[str]) -> None:
    """Requests stay as proof, without anybody's words; those nobody can answer any more are closed."""
    theirs = col(DataRequest.customer_id).in_(ids)
    await session.exec(sa.update(DataRequest).where(theirs).values(note=None, answer=None, country=None))
    await session.exec(
        sa.update(DataRequest)
        .where(
            theirs,
            col(DataRequest.status) == RequestStatus.OPEN,
            col(DataRequest.kind) != RequestKind.ERASURE,
        )
        .values(status=RequestStatus.WITHDRAWN, done_at=now(), done_by="erasure")
    )


class Eraser:
    """Handles `erase` jobs: what is left after the rows are gone, in the vector store and in the files."""

    def __init__(self, db: Database, memories: Memories) -> None:
        self._db = db
        self._memories = memories

    async def erase(self, payload: Mapping[str, Any]) -> Write | None:
        vectors = await self._memories.forget(*payload["customer_ids"])
        files = await scrub(self._db, holding_words())

        async def write(session: Session) -> None:
            erasure = await get_erasure(session, payload["erasure_id"])
            erasure.status, erasure.done_at = ErasureStatus.DONE, now()
            erasure.receipt = {
                **(erasure.receipt or {}),
                "vectors": vectors,
                "files": files,
                "beyond": _BEYOND,
            }
            query = select(DataRequest).where(DataRequest.erasure_id == erasure.id)
            for request in (await session.exec(query)).all():
                if request.status is RequestStatus.OPEN:
                    await requests.close(session, request.id, by=erasure.requested_by)

        return write
