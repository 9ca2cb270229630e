"""Building what is wrong with the index anew from SQL, shard by shard.

Run as a process of its own (`python -m recuerda.memory`, an `Order` on standard input) because a
damaged file can take down whoever reads it, and because bulk writes to Chroma stop the interpreter.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock
from sqlmodel import col

from recuerda.db import Database, stream
from recuerda.embeddings import from_bytes
from recuerda.errors import Unavailable
from recuerda.memory.client import fill_freed_memory
from recuerda.memory.probe import Tell, probe
from recuerda.memory.rows import chunks
from recuerda.memory.shards import Entry, Shards, shard_of
from recuerda.models import Customer, Memory


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
        async for (customer_id,) in await stream(session, sa.select(col(Customer.id))):
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
            async for batch in (await stream(session, query)).partitions():
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
                wanted = await probe(
                    db, order.embedder, shards, tell, suspects=order.suspects, bound=bool(path)
                )
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
