"""A customer's rights over their data: export it, erase it everywhere with a receipt."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import customers
from recuerda.db import Database, Session
from recuerda.errors import NotFound
from recuerda.facts import profile
from recuerda.memory import Memories
from recuerda.models import (
    Consent,
    Conversation,
    Customer,
    Erasure,
    ErasureStatus,
    Evidence,
    Fact,
    FactEvent,
    IdempotencyKey,
    Identity,
    Job,
    Memory,
    Merge,
    Message,
    now,
)
from recuerda.work import Write, enqueue

# In an order that the foreign keys allow: what points comes before what is pointed at.
_OWNED: tuple[Any, ...] = (
    FactEvent,
    Evidence,
    Fact,
    Memory,
    Consent,
    Message,
    Conversation,
    Identity,
    Job,
    IdempotencyKey,
)


async def export(session: Session, customer_id: str) -> dict[str, Any]:
    """All that is held about a customer, as plain data."""
    customer = await customers.get(session, customer_id)
    facts = (
        await session.exec(select(Fact).where(Fact.customer_id == customer.id).order_by(col(Fact.id)))
    ).all()
    return {
        "exported_at": now().isoformat(),
        "customer": customer.model_dump(mode="json", exclude={"memory_version"}),
        "identities": await _dump(session, Identity, customer.id, {"customer_id"}),
        "facts": [view.model_dump(mode="json") for view in await profile.view(session, facts)],
        "fact_events": await _dump(session, FactEvent, customer.id, {"customer_id"}),
        "conversations": await _dump(session, Conversation, customer.id, {"customer_id", "next_position"}),
        "messages": await _dump(session, Message, customer.id, {"customer_id"}),
        "memories": await _dump(session, Memory, customer.id, {"customer_id", "embedding", "embedder"}),
    }


async def _dump(session: Session, table: Any, customer_id: str, without: set[str]) -> list[dict[str, Any]]:
    query = select(table).where(table.customer_id == customer_id).order_by(table.id)
    return [row.model_dump(mode="json", exclude=without) for row in (await session.exec(query)).all()]


async def request_erasure(session: Session, customer_id: str, *, actor: str) -> Erasure:
    """Note the wish and enqueue the work. From this commit on nothing of the customer is served."""
    asked = (await session.exec(select(Erasure).where(Erasure.customer_id == customer_id))).first()
    if asked is not None:
        return asked
    customer = await customers.get(session, customer_id)
    erasure = Erasure(customer_id=customer.id, requested_by=actor)
    session.add(erasure)
    await session.flush()
    ids = await _with_merged(session, customer.id)
    counts = await _delete_rows(session, ids)
    erasure.receipt = {"rows": counts}
    await enqueue(
        session, "erase", lane=f"erase:{erasure.id}", payload={"erasure_id": erasure.id, "customer_ids": ids}
    )
    return erasure


async def get_erasure(session: Session, erasure_id: str) -> Erasure:
    erasure = await session.get(Erasure, erasure_id)
    if erasure is None:
        raise NotFound("There is no erasure with this id.")
    return erasure


async def _with_merged(session: Session, customer_id: str) -> list[str]:
    """The customer and all that were merged into them, however deep."""
    ids, found = [customer_id], [customer_id]
    while found:
        query = select(Customer.id).where(col(Customer.merged_into).in_(found))
        found = list((await session.exec(query)).all())
        ids += found
    return ids


async def _delete_rows(session: Session, ids: list[str]) -> dict[str, int]:
    counts = {}
    # A fact points at its evidence and at the fact that replaced it; let go first.
    await session.exec(sa.update(Fact).where(col(Fact.customer_id).in_(ids)).values(superseded_by=None))
    await session.exec(sa.update(Message).where(col(Message.customer_id).in_(ids)).values(reply_to=None))
    for table in _OWNED:
        result = await session.exec(sa.delete(table).where(table.customer_id.in_(ids)))
        counts[table.__tablename__] = result.rowcount
    await session.exec(
        sa.delete(Merge).where(sa.or_(col(Merge.customer_id).in_(ids), col(Merge.other_id).in_(ids)))
    )
    await session.exec(sa.update(Customer).where(col(Customer.id).in_(ids)).values(merged_into=None))
    result = await session.exec(sa.delete(Customer).where(col(Customer.id).in_(ids)))
    counts["customer"] = result.rowcount
    return counts


class Eraser:
    """Handles `erase` jobs: what is left after the rows are gone, in the vector store and in the files."""

    def __init__(self, db: Database, memories: Memories) -> None:
        self._db = db
        self._memories = memories

    async def erase(self, payload: Mapping[str, Any]) -> Write | None:
        vectors = await self._memories.forget(*payload["customer_ids"])
        await self._db.scrub()

        async def write(session: Session) -> None:
            erasure = await get_erasure(session, payload["erasure_id"])
            erasure.status, erasure.done_at = ErasureStatus.DONE, now()
            erasure.receipt = {**(erasure.receipt or {}), "vectors": vectors}

        return write
