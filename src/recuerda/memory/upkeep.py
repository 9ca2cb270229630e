"""The life of the vector index: who may open it, when it is trusted, and how it is mended.

Chroma is open or it is not. While it is not (starting, healing, erasing, broken), SQL serves. Nothing
waits for Chroma.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import select

from recuerda.db import Database
from recuerda.embeddings import Embedder
from recuerda.errors import SetupError, Unavailable
from recuerda.memory.home import Home, Remote, home_for
from recuerda.memory.shards import Shards, shard_of
from recuerda.models import Memory
from recuerda.settings import Settings

log = logging.getLogger(__name__)

_PATIENCE = 60.0  # seconds between probes when Chroma goes wrong again and again


class Upkeep:
    """`bring` writes memories, by their ids, to the index: what it is owed, each time it was opened."""

    def __init__(
        self,
        db: Database,
        embedder: Embedder,
        settings: Settings,
        bring: Callable[[list[str]], Awaitable[None]],
    ) -> None:
        self._db, self._embedder, self._bring = db, embedder, bring
        self._owed: set[str] = set()
        self._home: Home | Remote = home_for(db, embedder.name, settings)
        self._shards: Shards | None = None
        self._users = 0
        self._idle = asyncio.Condition()
        self._changing = asyncio.Lock()  # held by whoever closes, mends and opens again
        self._tasks: set[asyncio.Task[Any]] = set()
        self._healed_at = 0.0
        self._healing = False
        self._started = False
        self._closing = False

    async def start(self, after: asyncio.Task[None] | None = None) -> None:
        """Takes the folder, and opens Chroma in the background, `after` what is more urgent."""
        await self._refuse_mix()
        await self._home.enter(await self._memories())
        self._started = self._healing = True
        self.spawn(self._heal(after))

    async def ready(self) -> bool:
        while self._healing:
            await asyncio.wait(list(self._tasks))
        return self._shards is not None

    async def close(self) -> None:
        """Stops what is going on, and notes that the index was closed well: with all there is in it."""
        self._closing = True
        self._home.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._changing:
            if await self._shut() and not self._owed:
                await asyncio.to_thread(self._home.note_clean_close, await self._memories())
        self._home.leave()

    async def erase(self, customer_ids: Sequence[str]) -> dict[str, int]:
        """Builds the customers' shards anew from SQL, which no longer knows them, and sweeps the files."""
        async with self._changing:
            shards = self._home.shards
            counts = await self._mend(sorted({shard_of(id, shards) for id in customer_ids}))
        await self._settle()
        return counts

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
        async with self._changing:
            self._home.resize(memories)
            counts = await self._mend(list(range(self._home.shards)), progress, reopen=started)
        if not started:
            await asyncio.to_thread(self._home.note_clean_close, memories)
        await self._settle()
        return counts

    @property
    def state(self) -> dict[str, Any]:
        return {"healing": self._healing, "owed": len(self._owed), "shards": self._home.shards}

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Shards | None]:
        """For using the index: it is not closed meanwhile. None when it is not open."""
        shards = self._shards
        if shards is None:
            self.suspect(None)
        elif shards.crowded and not self._changing.locked():
            self.spawn(self._reopen())
        self._users += 1
        try:
            yield shards
        finally:
            self._users -= 1
            if not self._users:
                async with self._idle:
                    self._idle.notify_all()

    def owe(self, ids: Sequence[str]) -> None:
        """Notes what could not be written."""
        self._owed.update(ids)

    def suspect(self, error: Unavailable | None) -> None:
        """Has the index looked at, unless that is being done or was, a moment ago; not by a process that has
        not taken the folder."""
        recent = time.monotonic() - self._healed_at < _PATIENCE
        if self._started and not (self._healing or self._closing or self._changing.locked() or recent):
            if error:
                log.warning("%s Memories are served from SQL while the index is mended.", error.detail)
            self._healing = True
            self.spawn(self._heal())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- inside: closing, healing

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
        async with self._changing:
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
        async with self._changing:
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

    async def _settle(self) -> None:
        """Writes what is owed, once; what cannot be written is owed still."""
        if self._shards and not self._closing:
            owed, self._owed = self._owed, set()
            await self._bring(sorted(owed))

    async def _mend(
        self,
        rebuild: list[int] | None,
        progress: Callable[[int, int], None] | None = None,
        *,
        reopen: bool = True,
    ) -> dict[str, int]:
        """With `_changing` held. Opens Chroma again also when mending fails: a part may be sound."""
        await self._shut()
        try:
            return await self._home.mend(rebuild, progress)
        finally:
            if reopen and not self._closing:
                self._shards = await asyncio.to_thread(self._home.open)

    async def _memories(self) -> int:
        async with self._db.read(streams=True) as session:  # takes long where there are many
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
