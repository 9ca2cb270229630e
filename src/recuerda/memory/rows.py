"""The memories in SQL, always of one customer: the truth that everything else here is derived from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Session, run
from recuerda.embeddings import Vectors, from_bytes
from recuerda.models import Customer, Memory

CHUNK = 500  # bound parameters a statement


@dataclass(frozen=True, slots=True)
class Row:
    """A memory without its vector."""

    id: str
    text: str
    at: datetime
    kind: str
    speaker: str | None
    conversation_id: str | None
    language: str


@dataclass(frozen=True, slots=True)
class State:
    """How often a customer's memories were written, and how often of these nothing was done but adding."""

    version: int
    additions: int

    def only_adds_to(self, before: "State") -> bool:
        """A process of an older release counts no additions: then this is False, and all is read."""
        return self.version - before.version == self.additions - before.additions > 0


_ROW = (
    col(Memory.id),
    col(Memory.text),
    col(Memory.at),
    col(Memory.kind),
    col(Memory.speaker),
    col(Memory.conversation_id),
    col(Memory.language),
)
# Made once: every turn says these, and making them takes longer than running them.
_HIS = col(Memory.customer_id) == sa.bindparam("customer")
_COMPARABLE = col(Memory.embedder) == sa.bindparam("embedder")
_THESE = col(Memory.id).in_(sa.bindparam("ids", expanding=True))
_STATE = sa.select(col(Customer.memory_version), col(Customer.memory_additions)).where(
    col(Customer.id) == sa.bindparam("customer")
)
_WHOLE = sa.select(*_ROW, col(Memory.embedding)).where(_HIS, _COMPARABLE)
_NEWEST = _WHOLE.order_by(col(Memory.at).desc()).limit(sa.bindparam("most"))
_ADDED = _WHOLE.where(col(Memory.version) > sa.bindparam("version"))
_CHOSEN = _WHOLE.where(_THESE)
_VECTORS = sa.select(col(Memory.id), col(Memory.embedding)).where(_HIS, _COMPARABLE)
_ANYBODYS = sa.select(col(Memory.id), col(Memory.customer_id), col(Memory.embedding)).where(
    _THESE, _COMPARABLE
)
_EXTRAS = sa.select(col(Memory.id), col(Memory.channel), col(Memory.data)).where(_HIS, _THESE)
_NAMED = select(Memory).where(_HIS, col(Memory.external_id).in_(sa.bindparam("names", expanding=True)))


async def state(session: Session, customer_id: str) -> State | None:
    """None when there is no such customer."""
    found = (await run(session, _STATE, {"customer": customer_id})).first()
    return State(*found) if found else None


async def newest(
    session: Session, customer_id: str, embedder: str, limit: int
) -> tuple[list[Row], Vectors | None]:
    """The customer's newest memories in order of time, and their vectors, a row each."""
    newest = {"customer": customer_id, "embedder": embedder, "most": limit}
    return _parsed(await run(session, _NEWEST, newest))


async def added(
    session: Session, customer_id: str, embedder: str, version: int
) -> tuple[list[Row], Vectors | None]:
    """What was added since the customer's memories were of this version, like `newest`."""
    since = {"customer": customer_id, "embedder": embedder, "version": version}
    return _parsed(await run(session, _ADDED, since))


async def chosen(
    session: Session, customer_id: str, embedder: str, ids: Iterable[str]
) -> tuple[list[Row], Vectors | None]:
    """Those of `ids` that are the customer's, like `newest`."""
    found: list[Any] = []
    for part in chunks(list(ids)):
        found += await run(session, _CHOSEN, {"customer": customer_id, "embedder": embedder, "ids": part})
    return _parsed(found)


async def nearest(
    session: Session, customer_id: str, embedder: str, vector: Vectors, limit: int
) -> list[str]:
    """The ids whose vectors are nearest: every one is looked at, which is for when Chroma cannot."""
    ids: list[str] = []
    scores: list[float] = []
    streamed = await (await session.connection()).stream(
        _VECTORS, {"customer": customer_id, "embedder": embedder}, execution_options={"yield_per": CHUNK}
    )
    async for part in streamed.partitions():
        ids += [id for id, _ in part]
        scores += (np.stack([from_bytes(data) for _, data in part]) @ vector).tolist()
    return [ids[i] for i in np.argsort(-np.array(scores), kind="stable")[:limit]]


def _parsed(found: Iterable[Any]) -> tuple[list[Row], Vectors | None]:
    ordered = sorted(found, key=lambda r: (r[2], r[0]))
    rows = [Row(r[0], r[1], aware(r[2]), r[3], r[4], r[5], r[6]) for r in ordered]
    return rows, np.stack([from_bytes(r[7]) for r in ordered]) if ordered else None


async def vectors(session: Session, ids: Sequence[str], embedder: str) -> list[tuple[str, str, bytes]]:
    """(id, customer's id, vector) of those that are still there: for the index alone, which has no words."""
    found: list[tuple[str, str, bytes]] = []
    for part in chunks(ids):
        rows = await run(session, _ANYBODYS, {"embedder": embedder, "ids": part})
        found += [(id, customer_id, data) for id, customer_id, data in rows]
    return found


async def extras(
    session: Session, customer_id: str, ids: Sequence[str]
) -> dict[str, tuple[str | None, dict[str, Any] | None]]:
    """Channel and data of a few memories; an id that is not the customer's is not in the answer."""
    found = await run(session, _EXTRAS, {"customer": customer_id, "ids": list(ids)})
    return {id: (channel, data) for id, channel, data in found}


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
        rows = await session.exec(_NAMED, params={"customer": customer_id, "names": part})
        found |= {(row.kind, row.external_id): row for row in rows}
    return found
