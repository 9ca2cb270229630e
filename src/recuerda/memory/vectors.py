"""The vector index as it is asked and written. While Chroma is not open, readers get None and use SQL, and
writers leave a note of what they owe; see `upkeep`.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from recuerda.db import Database
from recuerda.embeddings import Embedder, Vectors, from_bytes
from recuerda.errors import Unavailable
from recuerda.memory import rows as sql
from recuerda.memory.shards import Entry, Shards
from recuerda.memory.upkeep import Upkeep
from recuerda.settings import Settings

_REST = 2.0  # times as long as it took, after each write but the last: whoever talks meanwhile comes first
SCANNED = 5_000  # passages compared one by one, in a millisecond; a question to Chroma costs two to five


class VectorIndex:
    def __init__(self, db: Database, embedder: Embedder, settings: Settings) -> None:
        self._db, self._embedder = db, embedder
        self.upkeep = Upkeep(db, embedder, settings, self.bring)
        self._shelving = False

    async def nearest(self, customer_id: str, vector: Vectors, limit: int) -> list[str] | None:
        """Ids of the customer's nearest memories; None when Chroma cannot say, and SQL is to be asked."""
        async with self.upkeep.open() as shards:
            try:
                if shards:
                    return await asyncio.to_thread(shards.nearest, customer_id, vector, limit)
            except Unavailable as error:
                self.upkeep.suspect(error)
        return None

    async def near_passages(
        self, shelf: Mapping[str, Vectors], vector: Vectors, limit: int
    ) -> Mapping[str, float] | None:
        """Cosines of the shelf's passages nearest to `vector`; None when Chroma cannot say (yet), or when
        comparing them all is quicker."""
        async with self.upkeep.open() as shards:
            try:
                if shards and shards.passages.kept is shelf:
                    if len(shelf) <= SCANNED:
                        return None
                    return await asyncio.to_thread(shards.passages.nearest, vector, limit)
            except Unavailable as error:
                self.upkeep.suspect(error)
            else:
                if shards and not self._shelving:
                    self._shelving = True
                    self.upkeep.spawn(self._shelve(shelf))
        return None

    async def _shelve(self, shelf: Mapping[str, Vectors]) -> None:
        async with self.upkeep.open() as shards:
            try:
                if shards:
                    await asyncio.to_thread(shards.passages.keep, shelf, shelf)
            except Unavailable as error:
                self.upkeep.suspect(error)
            finally:
                self._shelving = False

    async def bring(self, ids: Sequence[str]) -> None:
        """Copies memories from SQL to Chroma, or notes that they are owed: SQL has them either way."""
        async with self.upkeep.open() as shards:
            try:
                # Read while Chroma is held open: whoever erases meanwhile waits for us and sweeps after us.
                if shards:
                    await self._write(shards, await self._entries(ids))
            except Unavailable as error:
                self.upkeep.suspect(error)
                shards = None
            if shards is None:
                self.upkeep.owe(ids)

    async def _write(self, shards: Shards, entries: Sequence[Entry]) -> None:
        rest = 0.0
        for part in shards.parts(entries):
            await asyncio.sleep(rest)
            started = time.monotonic()
            await asyncio.to_thread(shards.upsert, part)
            rest = _REST * (time.monotonic() - started)

    async def remove(self, customer_id: str, ids: Sequence[str]) -> None:
        """Takes out of Chroma what SQL no longer has. Raises `Unavailable`: it must be tried again."""
        async with self.upkeep.open() as shards:
            if shards:
                await asyncio.to_thread(shards.remove, customer_id, ids)

    async def _entries(self, ids: Sequence[str]) -> list[Entry]:
        """On a connection of its own: the others' reads do not wait for so many bytes."""
        async with self._db.read(streams=True) as session:
            found = await sql.vectors(session, ids, self._embedder.name)
        return [Entry(id, customer_id, from_bytes(data)) for id, customer_id, data in found]

    async def status(self) -> dict[str, Any]:
        async with self.upkeep.open() as shards:
            try:
                indexed = await asyncio.to_thread(shards.count) if shards else None
            except Unavailable:
                indexed = None
        return {"indexed": indexed, "open": shards is not None, **self.upkeep.state}
