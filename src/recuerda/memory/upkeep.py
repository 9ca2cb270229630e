"""The life of the vector index: who may open it, when it is trusted, and what is still owed to it.

Chroma is open or it is not. While it is not (starting, healing, erasing, broken), readers get None and
use SQL, and writers leave a note of what they owe. Nothing waits for Chroma.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import select

from recuerda.db import Database
from recuerda.embeddings import Embedder, Vectors, from_bytes
from recuerda.errors import SetupError, Unavailable
from recuerda.memory import rows as sql
from recuerda.memory.home import Home, Remote, home_for
from recuerda.memory.shards import BATCH, Entry, Shards, shard_of
from recuerda.models import Memory
from recuerda.settings import Settings

log = logging.getLogger(__name__)

SCANNED = 5_000  # passages compared one by one, in a millisecond; a question to Chroma costs two to five
_PATIENCE = 60.0  # seconds between probes when Chroma goes wrong again and again


class VectorIndex:
    def __init__(self, db: Database, embedder: Embedder, settings: Settings) -> None:
        self._db, self._embedder = db, embedder
        self._home: Home | Remote = home_for(db, embedder.name, settings)
        self._shards: Shards | None = None
        self._users = 0
        self._idle = asyncio.Condition()
        self._upkeep = asyncio.Lock()  # held by whoever closes, mends and opens again
        self._owed: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._healed_at = 0.0
        self._healing = self._shelving = False
        self._started = False
        self._closing = False

    async def start(self, after: asyncio.Task[None] | None = None) -> None:
        """Takes the folder, and opens Chroma in the background, `after` what is more urgent."""
        await self._refuse_mix()
        await self._home.enter(await self._memories())
        self._started = self._healing = True
        self._spawn(self._heal(after))

    async def ready(self) -> bool:
        while self._healing:
            await asyncio.wait(list(self._tasks))
        return self._shards is not None

    async def close(self) -> None:
        """Stops what is going on, and notes that the index was closed well."""
        self._closing = True
        self._home.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._upkeep:
            if await self._shut():
                await asyncio.to_thread(self._home.note_clean_close, await self._memories())
        self._home.leave()

    async def nearest(self, customer_id: str, vector: Vectors, limit: int) -> list[str] | None:
        """Ids of the customer's nearest memories; None when Chroma cannot say, and SQL is to be asked."""
        async with self._open() as shards:
            try:
                if shards:
                    return await asyncio.to_thread(shards.nearest, customer_id, vector, limit)
            except Unavailable as error:
                self._suspect(error)
        return None

    async def near_passages(
        self, shelf: Mapping[str, Vectors], vector: Vectors, limit: int
    ) -> Mapping[str, float] | None:
        """Cosines of the shelf's passages nearest to `vector`; None when Chroma cannot say (yet), or when
        comparing them all is quicker."""
        async with self._open() as shards:
            try:
                if shards and shards.passages.kept is shelf:
                    if len(shelf) <= SCANNED:
                        return None
                    return await asyncio.to_thread(shards.passages.nearest, vector, limit)
            except Unavailable as error:
                self._suspect(error)
            else:
                if shards and not self._shelving:
                    self._shelving = True
                    self._spawn(self._shelve(shelf))
        return None

    async def _shelve(self, shelf: Mapping[str, Vectors]) -> None:
        async with self._open() as shards:
            try:
                if shards:
                    await asyncio.to_thread(shards.passages.keep, shelf, shelf)
            except Unavailable as error:
                self._suspect(error)
            finally:
                self._shelving = False

    async def bring(self, ids: Sequence[str]) -> None:
        """Copies memories from SQL to Chroma, or notes that they are owed: SQL has them either way."""
        async with self._open() as shards:
            try:
                # Read while Chroma is held open: whoever erases meanwhile waits for us and sweeps after us.
                entries = await self._entries(ids) if shards else []
                for start in range(0, len(entries), BATCH):
                    assert shards
                    await asyncio.to_thread(shards.upsert, entries[start : start + BATCH])
            except Unavailable as error:
                self._suspect(error)
                shards = None
            if shards is None:
                self._owed.update(ids)

    async def remove(self, customer_id: str, ids: Sequence[str]) -> None:
        """Takes out of Chroma what SQL no longer has. Raises `Unavailable`: it must be tried again."""
        async with self._open() as shards:
            if shards:
                await asyncio.to_thread(shards.remove, customer_id, ids)

    async def _entries(self, ids: Sequence[str]) -> list[Entry]:
        """In the order of their shards, so that each is written once."""
        async with self._db.read() as session:
            found = await sql.vectors(session, ids, self._embedder.name)
        shards = self._home.shards
        found.sort(key=lambda row: shard_of(row[1], shards))
        return [Entry(id, customer_id, from_bytes(data)) for id, customer_id, data in found]

    async def erase(self, customer_ids: Sequence[str]) -> dict[str, int]:
        """Builds the customers' shards anew from SQL, which no longer knows them, and sweeps the files."""
        async with self._upkeep:
            shards = self._home.shards
            return await self._mend(sorted({shard_of(id, shards) for id in customer_ids}))

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """For work on the whole index, with or without `start`: takes the folder if it is not ours yet."""
        if self._home.held:
            yield
            return
        await self._home.enter(await self._memories())
        try:
            yield
        finally:
            self._home.leave()

    async def reindex(self, progress: Callable[[int, int], None] | None) -> dict[str, int]:
        """Everything anew, with as many shards as suit. Inside `alone`."""
        memories, started = await self._memories(), self._started
        async with self._upkeep:
            self._home.resize(memories)
            counts = await self._mend(list(range(self._home.shards)), progress, reopen=started)
        if not started:
            await asyncio.to_thread(self._home.note_clean_close, memories)
        return counts

    async def status(self) -> dict[str, Any]:
        async with self._open() as shards:
            try:
                indexed = await asyncio.to_thread(shards.count) if shards else None
            except Unavailable:
                indexed = None
        return {
            "indexed": indexed,
            "open": shards is not None,
            "healing": self._healing,
            "owed": len(self._owed),
            "shards": self._home.shards,
        }

    # -- inside: opening, closing, healing

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[Shards | None]:
        shards = self._shards
        if shards is None:
            self._suspect(None)
        elif shards.crowded and not self._upkeep.locked():
            self._spawn(self._reopen())
        self._users += 1
        try:
            yield shards
        finally:
            self._users -= 1
            if not self._users:
                async with self._idle:
                    self._idle.notify_all()

    async def _shut(self) -> bool:
        """Closes Chroma once nobody uses it; whether it was open."""
        shards, self._shards = self._shards, None
        async with self._idle:
            await self._idle.wait_for(lambda: not self._users)
        if shards:
            await asyncio.to_thread(shards.close)
        return shards is not None

    async def _reopen(self) -> None:
        """Gives back the memory of shards read long ago: Chroma itself never does."""
        async with self._upkeep:
            if self._shards and self._shards.crowded and not self._closing:
                await self._shut()
                self._shards = await asyncio.to_thread(self._home.open)
        await self._settle()

    async def _heal(self, after: asyncio.Task[None] | None = None) -> None:
        """Opens an index that can be trusted; probes, and where needed rebuilds, any other."""
        if after:
            await asyncio.wait([after])
            if after.cancelled():  # stopping already
                self._healing = False
                return
        async with self._upkeep:
            try:
                memories = await self._memories()
                rebuild = None
                if outgrown := self._home.outgrown(memories):
                    self._home.resize(memories)
                    rebuild = list(range(self._home.shards))
                if (
                    not self._shards
                    and not outgrown
                    and await asyncio.to_thread(self._home.trusted, memories)
                ):
                    self._shards = await asyncio.to_thread(self._home.open)
                elif (await self._mend(rebuild))["rebuilt"]:
                    log.warning("The memory index was mended from SQL.")
            except Unavailable as error:
                log.error("%s Memories are served from SQL; see `recuerda doctor`.", error.detail)
            finally:
                self._healing = False
                self._healed_at = time.monotonic()
        await self._settle()

    async def _mend(
        self,
        rebuild: list[int] | None,
        progress: Callable[[int, int], None] | None = None,
        *,
        reopen: bool = True,
    ) -> dict[str, int]:
        """With `_upkeep` held. Opens Chroma again also when mending fails: a part may be sound."""
        await self._shut()
        try:
            return await self._home.mend(rebuild, progress)
        finally:
            if reopen and not self._closing:
                self._shards = await asyncio.to_thread(self._home.open)

    def _suspect(self, error: Unavailable | None) -> None:
        """Has the index looked at, unless that is being done or was, a moment ago."""
        recent = time.monotonic() - self._healed_at < _PATIENCE
        if not (self._healing or self._closing or self._upkeep.locked() or recent):
            if error:
                log.warning("%s Memories are served from SQL while the index is mended.", error.detail)
            self._healing = True
            self._spawn(self._heal())

    async def _settle(self) -> None:
        """Writes what is owed, once; what cannot be written is owed still."""
        if self._shards and not self._closing:
            owed, self._owed = self._owed, set()
            await self.bring(sorted(owed))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _memories(self) -> int:
        async with self._db.read() as session:
            return (await session.exec(select(sa.func.count()).select_from(Memory))).one()

    async def _refuse_mix(self) -> None:
        async with self._db.read() as session:
            found = (await session.exec(select(Memory.embedder).limit(1))).first()
        made_by = self._home.embedder or found
        if (found or made_by) and {found or made_by, made_by} != {self._embedder.name}:
            raise SetupError(
                f"The memories were embedded by {found or made_by}, but {self._embedder.name} is configured. "
                "Set RECUERDA_EMBEDDINGS back, or run `recuerda reindex` to embed them again."
            )
