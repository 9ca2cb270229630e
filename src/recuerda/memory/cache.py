"""Histories in memory: read once, kept by version, bounded in bytes.

The customer's `memory_version` in SQL says whether what is kept still holds, whoever wrote, in this
process or another; where nothing was done since but adding, only what was added is read. A cold history is
one read of SQL, text and vectors together: measured at a million memories, 1 to 12 ms, where opening the
customer's shard of Chroma takes hundreds and keeps its memory. Chroma is asked when a history is too long to
be held (see `Memories.recall`).
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
_OVER = 500  # so many more may be added to it before the oldest are let go


@dataclass(frozen=True, slots=True)
class _Kept:
    state: sql.State
    history: History
    complete: bool  # or the newest of a longer history


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
        state = await sql.state(session, customer_id)
        if state is None:
            self.drop(customer_id)
            return self._empty(), True
        if (kept := self._find(customer_id)) and kept.state == state:
            return kept.history, kept.complete
        async with self._loading.setdefault(customer_id, asyncio.Lock()):
            try:
                kept = self._find(customer_id)
                if kept is None or kept.state != state:
                    kept = await self._load(session, customer_id, state, kept)
                    self._keep(customer_id, kept)
                return kept.history, kept.complete
            finally:
                self._loading.pop(customer_id, None)

    def drop(self, customer_id: str) -> None:
        if kept := self._kept.pop(customer_id, None):
            self._bytes -= kept.history.nbytes

    def _find(self, customer_id: str) -> _Kept | None:
        if kept := self._kept.get(customer_id):
            self._kept.move_to_end(customer_id)
        return kept

    def _keep(self, customer_id: str, kept: _Kept) -> None:
        self.drop(customer_id)
        self._kept[customer_id] = kept
        self._bytes += kept.history.nbytes
        while self._bytes > self._limit and len(self._kept) > 1:
            self.drop(next(iter(self._kept)))

    async def _load(self, session: Session, customer_id: str, state: sql.State, kept: _Kept | None) -> _Kept:
        if kept is None or not state.only_adds_to(kept.state):
            return await self._load_all(session, customer_id, state)
        # What was written while this was read last is there already.
        rows, vectors = await sql.added(session, customer_id, self._embedder.name, kept.state.version)
        known = {item.id for item in kept.history.items}
        new = [i for i, row in enumerate(rows) if row.id not in known]
        if vectors is None or not new:
            return replace(kept, state=state)
        if len(known) + len(new) > HELD + _OVER:
            return await self._load_all(session, customer_id, state)
        items = [item_of(rows[i]) for i in new]
        size = sum(len(item.text) for item in items)
        history = await computed(size, kept.history.extended, items, vectors[new])
        return _Kept(state, history, kept.complete)

    async def _load_all(self, session: Session, customer_id: str, state: sql.State) -> _Kept:
        rows, vectors = await sql.newest(session, customer_id, self._embedder.name, HELD + 1)
        complete = len(rows) <= HELD
        if vectors is None:
            return _Kept(state, self._empty(), complete=True)
        rows, vectors = rows[-HELD:], vectors[-HELD:]
        size = sum(len(row.text) for row in rows)
        history = await computed(size, History, [item_of(row) for row in rows], vectors)
        return _Kept(state, history, complete)

    def _empty(self) -> History:
        return History([], np.zeros((0, self._embedder.dimensions), np.float32))


def item_of(row: sql.Row) -> Item:
    language = cast(Language, row.language)
    return Item(row.id, row.text, row.at, row.kind, row.speaker, row.conversation_id, language)
