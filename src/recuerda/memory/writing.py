"""A memory's way into SQL: masked, once per (kind, external id), and known to every cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from recuerda.db import Session, run
from recuerda.embeddings import Vectors, to_bytes
from recuerda.errors import NotFound
from recuerda.ids import new_id
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
    added = (await run(session, _ADD, {"customer": customer_id})).first()  # locks the customer
    if added is None:
        raise NotFound("There is no such customer.")
    rows = [_row(customer_id, added[0], *each, embedder) for each in zip(items, vectors, strict=True)]
    if len(rows) == 1 and (await run(session, _INSERT_NEW, rows[0])).first():
        return [rows[0]["id"]]
    known = await sql.by_external_id(session, customer_id, items)
    ids: list[str] = []
    new: dict[tuple[str, str], dict[str, Any]] = {}
    changed = False
    for item, vector, row in zip(items, vectors, rows, strict=True):
        key = item.kind, item.external_id
        if key in known:
            changed |= _replace(known[key], item, vector, embedder)
            ids.append(known[key].id)
        else:
            new[key] = row | {"id": new.get(key, row)["id"]}  # said twice at once, the last holds
            ids.append(new[key]["id"])
    if new:
        await run(session, _INSERT, list(new.values()))
    if changed or not new:
        not_added = {"customer": customer_id, "written": int(bool(changed or new))}
        await run(session, _NOT_ADDED, not_added)
    return ids


def _row(customer_id: str, version: int, item: NewMemory, vector: Vectors, embedder: str) -> dict[str, Any]:
    made = {"id": new_id("mem"), "customer_id": customer_id, "version": version, "created_at": now()}
    return made | {"embedding": to_bytes(vector), "embedder": embedder} | _fields(item)


def _replace(row: Memory, item: NewMemory, vector: Vectors, embedder: str) -> bool:
    fields = _fields(item)
    if row.embedder == embedder and all(_same(getattr(row, name), value) for name, value in fields.items()):
        return False
    for name, value in fields.items():
        setattr(row, name, value)
    row.embedding, row.embedder, row.created_at = to_bytes(vector), embedder, now()
    return True


async def touch(session: Session, *customer_ids: str) -> None:
    """Tells every process that these customers' memories changed, and locks them; part of the transaction
    that changes them otherwise than by `write`."""
    if customer_ids:
        await run(session, _TOUCH, {"customers": sorted(customer_ids)})


_INSERT = sa.insert(Memory)
_INSERT_NEW = insert(Memory).on_conflict_do_nothing().returning(col(Memory.id))  # the same words for SQLite
_HIS = col(Customer.id) == sa.bindparam("customer")
_VERSION, _ADDITIONS = col(Customer.memory_version), col(Customer.memory_additions)
_TOUCH = (
    sa.update(Customer)
    .where(col(Customer.id).in_(sa.bindparam("customers", expanding=True)))
    .values(memory_version=_VERSION + 1)
)
_ADD = (
    sa.update(Customer)
    .where(_HIS)
    .values(memory_version=_VERSION + 1, memory_additions=_ADDITIONS + 1)
    .returning(_VERSION)
)
_NOT_ADDED = (
    sa.update(Customer)
    .where(_HIS)
    .values(memory_version=_VERSION - 1 + sa.bindparam("written"), memory_additions=_ADDITIONS - 1)
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
