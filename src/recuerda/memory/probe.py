"""Finding what is wrong with the index: each shard is read whole and compared with what SQL says it holds."""

import contextlib
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Database, stream
from recuerda.errors import Unavailable
from recuerda.memory.shards import Shards, seal, shard_of
from recuerda.models import Memory

Tell = Callable[[str, int, int], None]  # what is being done (probe, rebuild), how far, of how many
_SPARE, _TIMES = 1 << 28, 20  # bytes reading a shard may take, and times its vectors: as Python numbers too


async def probe(
    db: Database, embedder: str, shards: Shards, tell: Tell, *, suspects: Collection[int], bound: bool
) -> set[int]:
    """The shards that are not as SQL says; the suspects are taken for such unread. `bound` limits the memory
    this process takes to read; a server's is its own."""
    expected, vector = await _survey(db, embedder, shards.shards), await _vector_bytes(db)
    existing = shards.existing()
    wrong = set(suspects)
    for shard, prints in enumerate(expected):
        if shard not in wrong and (shard in existing or prints.count):
            tell("probe", shard, len(expected))
            allowed = _bounded(_SPARE + _TIMES * vector * prints.count) if bound else nullcontext()
            with allowed:
                if shard not in existing or not _sound(shards, shard, prints):
                    wrong.add(shard)
            shards.breathe()
    return wrong


@dataclass(slots=True)
class _Print:
    """What a shard should hold, in two numbers that do not depend on order."""

    count: int = 0
    sum: int = 0

    def add(self, id: str, customer_id: str) -> None:
        self.count += 1
        self.sum = (self.sum + zlib.crc32(f"{id} {customer_id}".encode()) ** 2) % (1 << 64)


async def _survey(db: Database, embedder: str, shards: int) -> list[_Print]:
    """What each shard should hold according to SQL."""
    prints = [_Print() for _ in range(shards)]
    query = sa.select(col(Memory.id), col(Memory.customer_id)).where(col(Memory.embedder) == embedder)
    async with db.read(streams=True) as session:
        async for id, customer_id in await stream(session, query):
            prints[shard_of(customer_id, shards)].add(id, customer_id)
    return prints


def _sound(shards: Shards, shard: int, expected: _Print) -> bool:
    """Whether the shard holds what it should and every vector is whole."""
    try:
        found, customers = shards.all(shard)
    except Unavailable:
        return False
    actual = _Print()
    for id, customer_id in zip(found.ids, customers, strict=True):
        actual.add(id, customer_id)
    return actual == expected and all(
        known == seal(vector) for known, vector in zip(found.seals, found.vectors, strict=True)
    )


async def _vector_bytes(db: Database) -> int:
    async with db.read() as session:
        return len((await session.exec(select(Memory.embedding).limit(1))).first() or b"")


@contextlib.contextmanager
def _bounded(allowance: int) -> Iterator[None]:
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
