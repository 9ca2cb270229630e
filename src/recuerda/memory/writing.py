"""A memory's way into SQL: masked, once per (kind, external id), and known to every cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Session, run
from recuerda.embeddings import Vectors, to_bytes
from recuerda.errors import NotFound
from recuerda.masking import mask
from recuerda.memory import rows as sql
from recuerda.models import Customer, Memory, now


@dataclass(frozen=True, slots=True)
class NewMemory:
    """An item to remember. Saying (kind, external_id) again with other words replaces the words."""

    kind: str  # turn, order, return, ticket, note, or the brand's own
    external_id: str
    text: str
    at: datetime
    language: str
    speaker: str | None = None
    channel: str | None = None
    source: str = "conversation"
    conversation_id: str | None = None
    data: dict[str, Any] | None = None


async def write(
    session: Session, customer_id: str, items: Sequence[NewMemory], vectors: Vectors, embedder: str
) -> list[str]:
    """See `Memories.remember`."""
    if (await run(session, _LOCK, {"customer": customer_id})).first() is None:
        raise NotFound("There is no such customer.")
    known = await sql.by_external_id(session, customer_id, items)
    ids: list[str] = []
    new: list[Memory] = []
    changed = False
    for item, vector in zip(items, vectors, strict=True):
        row = known.get((item.kind, item.external_id))
        if row is None:
            row = _row(customer_id, item, vector, embedder)
            new.append(row)
            known[item.kind, item.external_id] = row
        else:
            changed |= _replace(row, item, vector, embedder)
        ids.append(row.id)
    if changed:
        await session.flush()
    if new:
        await run(session, _INSERT, [row.model_dump() for row in new])
    if new or changed:
        await touch(session, customer_id)
    return ids


def _row(customer_id: str, item: NewMemory, vector: Vectors, embedder: str) -> Memory:
    return Memory(
        customer_id=customer_id,
        embedding=to_bytes(vector),
        embedder=embedder,
        **_fields(item),
    )


def _replace(row: Memory, item: NewMemory, vector: Vectors, embedder: str) -> bool:
    fields = _fields(item)
    if row.embedder == embedder and all(_same(getattr(row, name), value) for name, value in fields.items()):
        return False
    for name, value in fields.items():
        setattr(row, name, value)
    row.embedding, row.embedder, row.created_at = to_bytes(vector), embedder, now()
    return True


async def touch(session: Session, customer_id: str) -> None:
    """Tells every process that the customer's memories changed; part of the transaction that does it."""
    await run(session, _TOUCH, {"customer": customer_id})


_LOCK = select(Customer.id).where(col(Customer.id) == sa.bindparam("customer")).with_for_update()
_INSERT = sa.insert(Memory)
_TOUCH = (
    sa.update(Customer)
    .where(col(Customer.id) == sa.bindparam("customer"))
    .values(memory_version=Customer.memory_version + 1)
)


def _fields(item: NewMemory) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "external_id": item.external_id,
        "text": mask(item.text),
        "language": item.language,
        "at": item.at,
        "speaker": item.speaker,
        "channel": item.channel,
        "source": item.source,
        "conversation_id": item.conversation_id,
        "data": item.data,
    }


def _same(old: Any, new: Any) -> bool:
    return bool(sql.aware(old) == sql.aware(new)) if isinstance(old, datetime) else bool(old == new)
