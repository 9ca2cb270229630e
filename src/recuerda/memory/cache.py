"""Histories in memory: read once, kept by version, bounded in bytes.

The customer's `memory_version` in SQL says whether what is kept still holds, whoever wrote, in this
process or another. A cold history takes one read of the text from SQL and one of the vectors from
Chroma; each vector is checked against the text by its seal, and what is missing, stale or damaged comes
from SQL instead.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import numpy as np

from recuerda.db import Database, Session
from recuerda.embeddings import Vectors
from recuerda.language import Language
from recuerda.memory import rows as sql
from recuerda.memory.history import History, Item
from recuerda.memory.shards import Slice, seal

log = logging.getLogger(__name__)

Reader = Callable[[str], Awaitable[Slice | None]]
Report = Callable[[str, list[str]], None]

_MOST_FROM_SQL = 64  # so few new memories are added to a kept history, with their vectors from SQL
_BYTES_A_STAMP = 200


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    stamps: dict[str, datetime]
    history: History

    @property
    def nbytes(self) -> int:
        return self.history.nbytes + _BYTES_A_STAMP * len(self.stamps)


class Histories:
    def __init__(
        self, db: Database, embedder: str, dimensions: int, read: Reader, missing: Report, limit: int
    ) -> None:
        """`read` gives a customer's vectors or None; `missing` is told what it should have had.

        `limit` is in bytes: the least recently used histories are dropped beyond it.
        """
        self._db, self._embedder, self._dimensions = db, embedder, dimensions
        self._read, self._missing, self._limit = read, missing, limit
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._loading: dict[str, asyncio.Lock] = {}
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, session: Session, customer_id: str) -> History:
        """The customer's history as of this session's reading of SQL."""
        version = await sql.version(session, customer_id)
        if version is None:
            self.drop(customer_id)
            return History([], np.zeros((0, self._dimensions), np.float32))
        if (kept := self._find(customer_id)) and kept.version == version:
            return kept.history
        async with self._loading.setdefault(customer_id, asyncio.Lock()):
            try:
                kept = self._find(customer_id)
                if kept is None or kept.version != version:
                    kept = await self._load(session, customer_id, version, kept)
                    self._keep(customer_id, kept)
                return kept.history
            finally:
                self._loading.pop(customer_id, None)

    def drop(self, customer_id: str) -> None:
        if kept := self._kept.pop(customer_id, None):
            self._bytes -= kept.nbytes

    def _find(self, customer_id: str) -> _Kept | None:
        if kept := self._kept.get(customer_id):
            self._kept.move_to_end(customer_id)
        return kept

    def _keep(self, customer_id: str, kept: _Kept) -> None:
        self.drop(customer_id)
        self._kept[customer_id] = kept
        self._bytes += kept.nbytes
        while self._bytes > self._limit and len(self._kept) > 1:
            self.drop(next(iter(self._kept)))

    async def _load(self, session: Session, customer_id: str, version: int, kept: _Kept | None) -> _Kept:
        if kept is None:
            return await self._load_all(session, customer_id, version)
        stamps = await sql.stamps(session, customer_id, self._embedder)
        new = [id for id, at in stamps.items() if kept.stamps.get(id) != at]
        if len(new) > _MOST_FROM_SQL or any(stamps.get(id) != at for id, at in kept.stamps.items()):
            return await self._load_all(session, customer_id, version)
        rows = await sql.rows(session, customer_id, self._embedder, new)
        last = kept.history.items[-1].at if len(kept.history) else None
        if rows and last and rows[0].at < last:
            return await self._load_all(session, customer_id, version)
        found = await sql.vectors(session, customer_id, [row.id for row in rows])
        added = self._matrix([found[row.id] for row in rows])
        history = await asyncio.to_thread(kept.history.extended, [item_of(row) for row in rows], added)
        return _Kept(version, stamps, history)

    async def _load_all(self, session: Session, customer_id: str, version: int) -> _Kept:
        rows = await sql.rows(session, customer_id, self._embedder)
        slice = await self._read(customer_id) if rows else None
        found = await asyncio.to_thread(_sound, rows, slice) if slice else {}
        if lost := [row.id for row in rows if row.id not in found]:
            if slice:
                self._missing(customer_id, lost)
            found |= await sql.vectors(session, customer_id, lost)
        matrix = self._matrix([found[row.id] for row in rows])
        history = await asyncio.to_thread(History, [item_of(row) for row in rows], matrix)
        return _Kept(version, {row.id: row.written for row in rows}, history)

    def _matrix(self, vectors: list[Vectors]) -> Vectors:
        return np.stack(vectors) if vectors else np.zeros((0, self._dimensions), np.float32)


def _sound(rows: list[sql.Row], slice: Slice) -> dict[str, Vectors]:
    """The vectors of the slice that are whole and belong to the text as it is now."""
    texts = {row.id: row.text for row in rows}
    return {
        id: vector
        for id, known, vector in zip(slice.ids, slice.seals, slice.vectors, strict=True)
        if id in texts and seal(texts[id], vector) == known
    }


def item_of(row: sql.Row) -> Item:
    language = cast(Language, row.language)
    return Item(row.id, row.text, row.at, row.kind, row.speaker, row.conversation_id, language)
