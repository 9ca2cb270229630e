"""Finding what is wrong with the index, and building it anew from SQL, shard by shard.

Run as a process of its own (`python -m recuerda.memory`, an `Order` on standard input) because a
damaged file can take down whoever reads it, and because bulk writes to Chroma stop the interpreter.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy.ext.asyncio import AsyncResult
from sqlmodel import col, select

from recuerda.db import Database, Session
from recuerda.embeddings import from_bytes
from recuerda.errors import Unavailable
from recuerda.memory.client import fill_freed_memory
from recuerda.memory.rows import chunks
from recuerda.memory.shards import Entry, Shards, seal, shard_of
from recuerda.models import Customer, Memory

Tell = Callable[[str, int, int], None]  # what is being done (probe, rebuild), how far, of how many
_STREAM = 2000  # rows in memory at once
_SPARE, _TIMES = 1 << 28, 20  # bytes reading a shard may take, and times its vectors: as Python numbers too


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done: rebuild the shards named, or, when `rebuild` is None, those not as SQL says."""

    database: str
    embedder: str
    shards: int
    rebuild: list[int] | None = None
    suspects: tuple[int, ...] = ()  # reading these took a process down: they are rebuilt unread
    path: str = ""  # of an embedded Chroma, and the lock of its files
    lock: str = ""
    url: str = ""  # of a server


@dataclass(slots=True)
class Print:
    """What a shard should hold, in two numbers that do not depend on order."""

    count: int = 0
    sum: int = 0

    def add(self, id: str, customer_id: str) -> None:
        self.count += 1
        self.sum = (self.sum + zlib.crc32(f"{id} {customer_id}".encode()) ** 2) % (1 << 64)


async def _stream(session: Session, query: sa.Select[*tuple[Any, ...]]) -> AsyncResult[*tuple[Any, ...]]:
    return await (await session.connection()).stream(query.execution_options(yield_per=_STREAM))


async def survey(db: Database, embedder: str, shards: int) -> list[Print]:
    """What each shard should hold according to SQL."""
    prints = [Print() for _ in range(shards)]
    query = sa.select(col(Memory.id), col(Memory.customer_id)).where(col(Memory.embedder) == embedder)
    async with db.read(streams=True) as session:
        async for id, customer_id in await _stream(session, query):
            prints[shard_of(customer_id, shards)].add(id, customer_id)
    return prints


def sound(shards: Shards, shard: int, expected: Print) -> bool:
    """Whether the shard holds what it should and every vector is whole."""
    try:
        found, customers = shards.all(shard)
    except Unavailable:
        return False
    actual = Print()
    for id, customer_id in zip(found.ids, customers, strict=True):
        actual.add(id, customer_id)
    return actual == expected and all(
        known == seal(vector) for known, vector in zip(found.seals, found.vectors, strict=True)
    )


async def _vector_bytes(db: Database) -> int:
    async with db.read() as session:
        return len((await session.exec(select(Memory.embedding).limit(1))).first() or b"")


@contextlib.contextmanager
def bounded(allowance: int) -> Iterator[None]:
    """A damaged file may ask for any amount of memory. Beyond so many more bytes it is refused, which
    ends in an error or takes this process down: either way the shard is built anew unread. Linux only."""
    try:
        import resource

        before, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (_taken() + allowance, most))
    except (ImportError, OSError, ValueError):  # no such limit here, or a lower one is set already
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))


def _taken() -> int:
    """Bytes of data this process has, as the limit counts them: also those given back for later use."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmData:")[2].split()[0]) << 10


async def probe(db: Database, order: Order, shards: Shards, tell: Tell) -> set[int]:
    """The shards that are not as SQL says."""
    expected, vector = await survey(db, order.embedder, shards.shards), await _vector_bytes(db)
    existing = shards.existing()
    wrong = set(order.suspects)
    for shard, prints in enumerate(expected):
        if shard not in wrong and (shard in existing or prints.count):
            tell("probe", shard, len(expected))
            # A server's memory is its own.
            allowed = bounded(_SPARE + _TIMES * vector * prints.count) if order.path else nullcontext()
            with allowed:
                if shard not in existing or not sound(shards, shard, prints):
                    wrong.add(shard)
            shards.breathe()
    return wrong


async def rebuild(
    db: Database, embedder: str, shards: Shards, wanted: Collection[int], tell: Tell, *, shared: bool = False
) -> int:
    """Writes these shards anew from SQL; how many entries were written.

    Each is dropped first, unless it is shared and can be read: dropping it would throw out the other
    processes that use it, who would mend it in turn; while customers write it is never quite as SQL says.
    """
    customers = await _customers(db, shards.shards, wanted)
    written = 0
    for done, shard in enumerate(sorted(wanted), 1):
        # Read before SQL is: what comes in meanwhile is not taken for something SQL no longer has.
        gone = _ids(shards, shard) if shared else None
        if gone is None:
            shards.drop(shard)
        async for entries in _entries(db, embedder, customers.get(shard, ())):
            shards.upsert(entries)
            written += len(entries)
            if gone:
                gone.difference_update(entry.id for entry in entries)
        if gone:
            shards.forget(shard, gone)
        shards.settle(shard)
        tell("rebuild", done, len(wanted))
    return written


def _ids(shards: Shards, shard: int) -> set[str] | None:
    try:
        return set(shards.all(shard)[0].ids)
    except Unavailable:
        return None


async def _customers(db: Database, shards: int, wanted: Collection[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    async with db.read(streams=True) as session:
        async for (customer_id,) in await _stream(session, sa.select(col(Customer.id))):
            if (shard := shard_of(customer_id, shards)) in wanted:
                found.setdefault(shard, []).append(customer_id)
    return found


async def _entries(db: Database, embedder: str, customers: Iterable[str]) -> AsyncIterator[list[Entry]]:
    columns = col(Memory.id), col(Memory.customer_id), col(Memory.embedding)
    async with db.read(streams=True) as session:
        for part in chunks(list(customers)):
            query = sa.select(*columns).where(
                col(Memory.customer_id).in_(part), col(Memory.embedder) == embedder
            )
            async for batch in (await _stream(session, query)).partitions():
                yield [Entry(id, customer_id, from_bytes(data)) for id, customer_id, data in batch]


def sweep(path: Path) -> None:
    """Leaves nothing of dropped shards on disk. Nobody may have the folder open.

    Chroma's own delete unlinks rows without overwriting them and forgets the folders of dropped shards.
    """
    connection = sqlite3.connect(path / "chroma.sqlite3", isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("PRAGMA busy_timeout=10000")
        kept = {id for (id,) in connection.execute("SELECT id FROM segments")}
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    for folder in path.iterdir():
        if folder.is_dir() and folder.name not in kept:
            shutil.rmtree(folder)


async def carry_out(order: Order, tell: Tell) -> dict[str, int]:
    """Blocks its event loop while Chroma works: to be run in a process or a thread of its own."""
    guard = FileLock(order.lock, timeout=30) if order.lock else nullcontext()
    path = Path(order.path) if order.path else None
    db = Database(order.database)
    with guard:
        shards = Shards(order.shards, path=path, url=order.url)
        try:
            if path and not shards.existing():
                # All is made anew from what SQL has today, by a process that reads no words and nothing
                # old: there is nothing to overwrite, and that takes an eighth of the time.
                fill_freed_memory(0)
            if order.rebuild is None:
                wanted = await probe(db, order, shards, tell)
            else:
                wanted = {*order.rebuild, *order.suspects}
            shards.drop_strangers()
            shared = bool(order.url) and order.rebuild is None
            written = await rebuild(db, order.embedder, shards, wanted, tell, shared=shared)
        finally:
            shards.close()
            await db.close()
        if path and (wanted or order.rebuild is not None):
            sweep(path)
    return {"rebuilt": len(wanted), "entries": written}


def main() -> None:
    """One JSON line for each step, the last with the counts. Ends when its parent does."""
    order = Order(**json.loads(sys.stdin.readline()))
    parent = os.getppid()

    def tell(what: str, done: int, total: int) -> None:
        if os.getppid() != parent:
            raise SystemExit(1)
        print(json.dumps({"doing": what, "done": done, "total": total}), flush=True)

    try:
        counts = asyncio.run(carry_out(order, tell))
    except Unavailable as error:
        raise SystemExit(error.detail) from None
    print(json.dumps({"doing": "done", "counts": counts}), flush=True)


def line(order: Order) -> bytes:
    return json.dumps(asdict(order)).encode() + b"\n"
