"""Where the index lives: a folder of this process alone (`Home`), or a Chroma server (`Remote`)."""

import asyncio
import contextlib
import json
import logging
import shutil
import sys
from collections.abc import AsyncIterator, Callable

import sqlalchemy as sa
from filelock import AsyncFileLock, FileLock, Timeout

from recuerda.db import Database
from recuerda.errors import SetupError, Unavailable
from recuerda.memory import mend
from recuerda.memory.record import Record
from recuerda.memory.shards import Shards, shards_for, shards_on
from recuerda.settings import Settings

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
_CRASHES = 8  # shards that may take the mending process down before the whole index is made anew
_MENDING = 7_268_437_843  # of PostgreSQL's advisory locks
_GROWTH = 4  # times the shards that suit: the index is then made anew with more of them


class Home:
    """Embedded Chroma. Two processes on one folder corrupt it silently, so two locks guard it:

    `recuerda.lock` is held as long as the process runs; `chroma.lock` only by whoever has the files open,
    so that a mending process whose parent was killed keeps the next parent waiting.
    """

    def __init__(self, db: Database, embedder: str, settings: Settings) -> None:
        self._db, self._embedder = db, embedder
        self.folder = settings.data_dir.resolve() / "chroma"
        self._ours = FileLock(settings.data_dir / "recuerda.lock", timeout=0, thread_local=False)
        self._files = FileLock(settings.data_dir / "chroma.lock", timeout=30, thread_local=False)
        self._record = Record.load(self.folder)
        self._child: asyncio.subprocess.Process | None = None
        self._stopping = False
        self.shards = self._record.shards if self._record else 0

    @property
    def embedder(self) -> str | None:
        record = Record.load(self.folder)
        return record.embedder if record else None

    @property
    def held(self) -> bool:
        return self._ours.is_locked

    async def enter(self, memories: int) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._ours.acquire()
        except Timeout:
            raise SetupError(
                f"Another Recuerda process is using {self.folder.parent}. Stop it, or give each its own "
                "RECUERDA_DATA_DIR, or run a Chroma server and set RECUERDA_CHROMA_URL for both."
            ) from None
        self._record = Record.load(self.folder)
        self.shards = self._record.shards if self._record else shards_for(memories)

    def leave(self) -> None:
        self._ours.release()

    def trusted(self, memories: int) -> bool:
        """Whether the index can be opened without a probe: closed well, or nothing to hold yet."""
        if not self.folder.exists():
            return not memories
        return self._record is not None and self._record.trusts(self.folder, memories)

    def note_clean_close(self, memories: int) -> None:
        Record(self._embedder, self.shards).closed(self.folder, memories).save(self.folder)

    def resize(self, memories: int) -> None:
        self.shards = shards_for(memories)

    def open(self) -> Shards:
        self._files.acquire()
        try:
            Record(self._embedder, self.shards).save(self.folder)  # no longer closed well
            shards = Shards(self.shards, path=self.folder)
        except BaseException:
            self._files.release()
            raise
        shards.on_close = self._files.release
        return shards

    def stop(self) -> None:
        self._stopping = True
        if self._child and self._child.returncode is None:
            self._child.terminate()

    def outgrown(self, memories: int) -> bool:
        return shards_for(memories) > _GROWTH * self.shards

    async def mend(self, rebuild: list[int] | None, progress: Progress | None = None) -> dict[str, int]:
        """Probes, or rebuilds the given shards, in a process of its own; see `mend`."""
        suspects: set[int] = set()
        for _ in range(_CRASHES):
            counts, last = await self._run(rebuild, tuple(suspects), progress)
            if counts is not None:
                return counts
            if self._stopping:
                raise Unavailable("Stopping.")
            if last is None or last in suspects:
                break
            suspects.add(last)
        log.warning("The memory index cannot be read; it is made anew from SQL.")
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)
        counts, _ = await self._run(list(range(self.shards)), (), progress)
        if counts is None:
            raise Unavailable("The memory index cannot be made anew.")
        return counts

    async def _run(
        self, rebuild: list[int] | None, suspects: tuple[int, ...], progress: Progress | None
    ) -> tuple[dict[str, int] | None, int | None]:
        """The counts, or None and the shard being probed when the process ended early."""
        order = mend.Order(
            path=str(self.folder),
            lock=str(self._files.lock_file),
            database=self._db.url,
            embedder=self._embedder,
            shards=self.shards,
            rebuild=rebuild,
            suspects=suspects,
        )
        pipe = asyncio.subprocess.PIPE
        module = "recuerda.memory"
        self._child = child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
        )
        counts, probing = None, None
        try:
            assert child.stdin
            assert child.stdout
            child.stdin.write(mend.line(order))
            await child.stdin.drain()
            async for line in child.stdout:
                step = json.loads(line)
                if step["doing"] == "done":
                    counts = step["counts"]
                elif step["doing"] == "probe":
                    probing = step["done"]
                elif progress:
                    progress(step["done"], step["total"])
            await child.wait()
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.terminate()
                await child.wait()
        return counts, probing


class Remote:
    """A Chroma server: it has the files to itself, any number of our processes may use it."""

    embedder: str | None = None

    def __init__(self, db: Database, embedder: str, settings: Settings) -> None:
        self._db, self._embedder, self._url = db, embedder, settings.chroma_url
        self._lock = settings.data_dir / "chroma-server.lock"
        self.shards = 0
        self.held = False

    async def enter(self, memories: int) -> None:
        self.shards = shards_for(memories)
        self.held = True

    def leave(self) -> None:
        self.held = False

    def stop(self) -> None:
        """Nothing of ours to stop."""

    def trusted(self, memories: int) -> bool:
        self.shards = shards_on(self._url) or self.shards
        return False

    def outgrown(self, memories: int) -> bool:
        return False  # other processes count on the number: `recuerda reindex` changes it, with all stopped

    def note_clean_close(self, memories: int) -> None:
        """The server's business."""

    def resize(self, memories: int) -> None:
        self.shards = shards_for(memories)

    def open(self) -> Shards:
        return Shards(self.shards, url=self._url)

    async def mend(self, rebuild: list[int] | None, progress: Progress | None = None) -> dict[str, int]:
        """In a thread: the heavy part is the server's. `chroma vacuum` beside it sweeps its files.

        One process at a time: of several that start together, one mends and the others find it done.
        """
        order = mend.Order(self._db.url, self._embedder, self.shards, rebuild, url=self._url)

        def tell(what: str, done: int, total: int) -> None:
            if progress and what == "rebuild":
                progress(done, total)

        async with self._turn():
            return await asyncio.to_thread(lambda: asyncio.run(mend.carry_out(order, tell)))

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._db.is_sqlite:  # every process is on this machine
            async with AsyncFileLock(self._lock):
                yield
            return
        async with self._db.read(streams=True) as session:
            connection = await session.connection()
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MENDING})
            yield


def home_for(db: Database, embedder: str, settings: Settings) -> Home | Remote:
    return Remote(db, embedder, settings) if settings.chroma_url else Home(db, embedder, settings)
