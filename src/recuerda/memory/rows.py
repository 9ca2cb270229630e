"""The memories in SQL, always of one customer: the truth that everything else here is derived from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Session
from recuerda.embeddings import Vectors, from_bytes
from recuerda.models import Customer, Memory

CHUNK = 500  # bound parameters a statement


@dataclass(frozen=True, slots=True)
class Row:
    """A memory without its vector. `written` changes whenever the row does."""

    id: str
    text: str
    at: datetime
    kind: str
    speaker: str | None
    conversation_id: str | None
    language: str
    written: datetime


_VERSION = col(Customer.memory_version)
_ROW = (
    col(Memory.id),
    col(Memory.text),
    col(Memory.at),
    col(Memory.kind),
    col(Memory.speaker),
    col(Memory.conversation_id),
    col(Memory.language),
    col(Memory.created_at),
)


async def _run(session: Session, query: sa.Executable) -> sa.CursorResult[*tuple[Any, ...]]:
    """Columns, not objects: what is pending in the session is not flushed first."""
    return await (await session.connection()).execute(query)


async def version(session: Session, customer_id: str) -> int | None:
    """None when there is no such customer."""
    return (
        await _run(session, sa.select(_VERSION).where(col(Customer.id) == customer_id))
    ).scalar_one_or_none()


async def stamps(session: Session, customer_id: str, embedder: str) -> dict[str, datetime]:
    """Which memories the customer has and when each was last written."""
    found = await _run(
        session,
        sa.select(col(Memory.id), col(Memory.created_at)).where(
            col(Memory.customer_id) == customer_id, col(Memory.embedder) == embedder
        ),
    )
    return {id: aware(at) for id, at in found}


async def rows(
    session: Session, customer_id: str, embedder: str, ids: Iterable[str] | None = None
) -> list[Row]:
    """All of the customer's memories, or those of `ids`, in order of time."""
    query = sa.select(*_ROW).where(col(Memory.customer_id) == customer_id, col(Memory.embedder) == embedder)
    found: list[Row] = []
    for part in [None] if ids is None else chunks(list(ids)):
        narrowed = query if part is None else query.where(col(Memory.id).in_(part))
        found += [
            Row(r[0], r[1], aware(r[2]), r[3], r[4], r[5], r[6], aware(r[7]))
            for r in await _run(session, narrowed)
        ]
    return sorted(found, key=lambda row: (row.at, row.id))


async def vectors(session: Session, customer_id: str, ids: Sequence[str]) -> dict[str, Vectors]:
    found: dict[str, Vectors] = {}
    for part in chunks(ids):
        query = sa.select(col(Memory.id), col(Memory.embedding)).where(
            col(Memory.customer_id) == customer_id, col(Memory.id).in_(part)
        )
        found |= {id: from_bytes(data) for id, data in await _run(session, query)}
    return found


async def full(session: Session, customer_id: str, ids: Sequence[str]) -> list[Memory]:
    """Whole rows, in no order."""
    found: list[Memory] = []
    for part in chunks(ids):
        query = select(Memory).where(col(Memory.customer_id) == customer_id, col(Memory.id).in_(part))
        found += (await session.exec(query)).all()
    return found


async def extras(
    session: Session, customer_id: str, ids: Sequence[str]
) -> dict[str, tuple[str | None, dict[str, Any] | None]]:
    """Channel and data of a few memories; an id that is not the customer's is not in the answer."""
    query = sa.select(col(Memory.id), col(Memory.channel), col(Memory.data)).where(
        col(Memory.customer_id) == customer_id, col(Memory.id).in_(list(ids))
    )
    return {id: (channel, data) for id, channel, data in await _run(session, query)}


def chunks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[start : start + CHUNK] for start in range(0, len(values), CHUNK)]


def aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class Keyed(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def external_id(self) -> str: ...


async def by_external_id(
    session: Session, customer_id: str, keys: Iterable[Keyed]
) -> dict[tuple[str, str], Memory]:
    """The customer's memories that these name, by kind and external id."""
    wanted = sorted({key.external_id for key in keys})
    found: dict[tuple[str, str], Memory] = {}
    for part in chunks(wanted):
        query = select(Memory).where(
            col(Memory.customer_id) == customer_id, col(Memory.external_id).in_(part)
        )
        found |= {(row.kind, row.external_id): row for row in await session.exec(query)}
    return found
