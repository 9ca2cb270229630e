"""Histories in memory: read once, kept by version, bounded in bytes.

The customer's `memory_version` in SQL says whether what is kept still holds, whoever wrote, in this
process or another. A cold history is one read of SQL, text and vectors together: measured at a million
memories, 1 to 12 ms, where opening the customer's shard of Chroma takes hundreds and keeps its memory.
Chroma is asked when a history is too long to be held (see `Memories.recall`).
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from recuerda.computing import computed
from recuerda.db import Session
from recuerda.embeddings import Embedder
from recuerda.language import Language
from recuerda.memory import rows as sql
from recuerda.memory.history import History, Item

log = logging.getLogger(__name__)

HELD = 5000  # memories of one customer in memory: about 15 MB
_MOST_ADDED = 64  # so few new memories are added to a kept history rather than all read again
_BYTES_A_STAMP = 200
_READ = 5  # as many characters of new text take as long as an item that was read before


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    stamps: dict[str, sql.Stamp]
    history: History
    complete: bool  # or the newest HELD of a longer history

    @property
    def nbytes(self) -> int:
        return self.history.nbytes + _BYTES_A_STAMP * len(self.stamps)


class Histories:
    def __init__(self, embedder: Embedder, limit: int) -> None:
        """`limit` is in bytes: the least recently used histories are dropped beyond it. The embedder is not
        asked for anything here: its endpoint may be down while we start."""
        self._embedder, self._limit = embedder, limit
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._loading: dict[str, asyncio.Lock] = {}
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, session: Session, customer_id: str) -> tuple[History, bool]:
        """The customer's history as of this session's reading of SQL, and whether that is all of it."""
        version = await sql.version(session, customer_id)
        if version is None:
            self.drop(customer_id)
            return self._empty(), True
        if (kept := self._find(customer_id)) and kept.version == version:
            return kept.history, kept.complete
        async with self._loading.setdefault(customer_id, asyncio.Lock()):
            try:
                kept = self._find(customer_id)
                if kept is None or kept.version != version:
                    kept = await self._load(session, customer_id, version, kept)
                    self._keep(customer_id, kept)
                return kept.history, kept.complete
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
        if kept is None or not kept.complete:
            return await self._load_all(session, customer_id, version)
        stamps = await sql.stamps(session, customer_id, self._embedder.name)
        new = [id for id, at in stamps.items() if kept.stamps.get(id) != at]
        if len(new) > _MOST_ADDED or any(stamps.get(id) != at for id, at in kept.stamps.items()):
            return await self._load_all(session, customer_id, version)
        rows, vectors = await sql.chosen(session, customer_id, self._embedder.name, new)
        if vectors is None:
            return replace(kept, version=version)
        if rows[0].at < max((item.at for item in kept.history.items), default=rows[0].at):
            return await self._load_all(session, customer_id, version)  # a history is in order of time
        size = _READ * len(kept.history) + sum(len(row.text) for row in rows)
        history = await computed(size, kept.history.extended, [item_of(row) for row in rows], vectors)
        return _Kept(version, stamps, history, complete=True)

    async def _load_all(self, session: Session, customer_id: str, version: int) -> _Kept:
        rows, vectors = await sql.newest(session, customer_id, self._embedder.name, HELD + 1)
        complete = len(rows) <= HELD
        if vectors is None:
            return _Kept(version, {}, self._empty(), complete=True)
        rows, vectors = rows[-HELD:], vectors[-HELD:]
        size = sum(len(row.text) for row in rows)
        history = await computed(size, History, [item_of(row) for row in rows], vectors)
        return _Kept(version, {row.id: row.written for row in rows}, history, complete)

    def _empty(self) -> History:
        return History([], np.zeros((0, self._embedder.dimensions), np.float32))


def item_of(row: sql.Row) -> Item:
    language = cast(Language, row.language)
    return Item(row.id, row.text, row.at, row.kind, row.speaker, row.conversation_id, language)
