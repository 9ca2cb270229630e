"""The life of the vector index: who may open it, when it is trusted, and what is still owed to it.

Chroma is open or it is not. While it is not (starting, healing, broken), readers get None and use SQL,
and writers leave a note of what they owe. Nothing waits for Chroma.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from recuerda.db import Database
from recuerda.embeddings import Embedder
from recuerda.errors import SetupError, Unavailable
from recuerda.memory.shards import BATCH, Entry, Shards, Slice
from recuerda.settings import Settings

log = logging.getLogger(__name__)

SHARDS = 64


class Index:
    def __init__(self, db: Database, embedder: Embedder, settings: Settings) -> None:
        self._db, self._embedder = db, embedder
        self._url = settings.chroma_url
        self._folder: Path = settings.data_dir / "chroma"
        self._lock = FileLock(settings.data_dir / "chroma.lock", timeout=0)
        self._shards: Shards | None = None
        self._owed: dict[str, set[str]] = defaultdict(set)
        self._opening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if not self._url:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire()
            except Timeout:
                raise SetupError(
                    f"Another Recuerda process is using {self._folder.parent}. Stop it, or give each its "
                    "own RECUERDA_DATA_DIR, or run a Chroma server and set RECUERDA_CHROMA_URL for both."
                ) from None
        self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        path = None if self._url else self._folder
        try:
            self._shards = await asyncio.to_thread(Shards, SHARDS, path=path, url=self._url)
        except Unavailable as error:
            log.warning("%s Memories are served from SQL.", error.detail)

    async def close(self) -> None:
        if self._opening:
            await asyncio.wait([self._opening])
        shards, self._shards = self._shards, None
        if shards:
            await asyncio.to_thread(shards.close)
        self._lock.release()

    @contextlib.asynccontextmanager
    async def _open_shards(self) -> AsyncIterator[Shards | None]:
        yield self._shards

    async def read(self, customer_id: str) -> Slice | None:
        async with self._open_shards() as shards:
            if shards is None:
                return None
            try:
                return await asyncio.to_thread(shards.read, customer_id)
            except Unavailable as error:
                log.warning("%s Served from SQL.", error.detail)
                return None

    def owes(self, customer_id: str, ids: Collection[str]) -> None:
        """Notes entries that Chroma lacks, to be written when it can be."""
        self._owed[customer_id] |= set(ids)

    async def write(self, entries: Sequence[Entry]) -> None:
        async with self._open_shards() as shards:
            if shards is None:
                for entry in entries:
                    self.owes(entry.customer_id, [entry.id])
                return
            for start in range(0, len(entries), BATCH):
                await asyncio.to_thread(shards.upsert, entries[start : start + BATCH])

    async def erase(self, customer_ids: Sequence[str]) -> dict[str, int]:
        removed = 0
        async with self._open_shards() as shards:
            for customer_id in customer_ids if shards else ():
                assert shards
                found = await asyncio.to_thread(shards.read, customer_id)
                await asyncio.to_thread(shards.delete, customer_id, found.ids)
                removed += len(found.ids)
        return {"vectors": removed}

    async def status(self) -> dict[str, Any]:
        async with self._open_shards() as shards:
            count = await asyncio.to_thread(shards.count) if shards else None
        return {"indexed": count, "healing": False, "open": shards is not None}

    async def reindex(self, progress: Callable[[int, int], None] | None) -> dict[str, int]:
        raise NotImplementedError
