"""The customers `scale` and `kills` measure with: many histories, quickly made, and the right answers."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import SQLModel, select

from recuerda.db import Database
from recuerda.embeddings import SentenceEncoder, Vectors, to_bytes, unit
from recuerda.memory import Memories
from recuerda.memory.cache import item_of
from recuerda.memory.history import History
from recuerda.memory.rows import newest
from recuerda.models import Customer, Memory
from recuerda.settings import Settings

PEOPLE = 300  # customers asked, each cold once and warm three times
_THINGS = [
    "shoes",
    "jacket",
    "backpack",
    "watch",
    "socks",
    "bottle",
    "lamp",
    "tent",
    "bike",
    "gloves",
    "shirt",
    "cap",
    "belt",
    "poles",
    "laces",
]
_WHAT = (
    "I bought the {thing} number {n} in {color}, it {verdict}",
    "My {thing} from order {n} arrived late, the {color} one {verdict}",
    "Can I return the {color} {thing}? Order {n}, it {verdict}",
    "Compré {thing} color {color}, pedido {n}, y {verdict}",
)
_COLORS = ["red", "blue", "green", "black", "white", "grey", "orange", "purple", "yellow", "brown"]
_VERDICTS = ("fits well", "is too tight", "broke in a week", "is for my daughter", "has no arch support")
_START = datetime(2024, 1, 1, tzinfo=UTC)


def texts(count: int, seed: int) -> Iterator[str]:
    rng = np.random.default_rng(seed)
    for n, picks in enumerate(rng.integers(0, 1 << 30, (count, 4))):
        yield _WHAT[picks[0] % len(_WHAT)].format(
            thing=_THINGS[picks[1] % len(_THINGS)],
            color=_COLORS[picks[2] % len(_COLORS)],
            verdict=_VERDICTS[picks[3] % len(_VERDICTS)],
            n=n,
        )


def sizes_of_customers(memories: int) -> NDArray[np.int64]:
    """Log-normal between 10 and 5,000, about 100 on average: a few regulars, a long tail."""
    rng = np.random.default_rng(7)
    drawn = np.clip(rng.lognormal(3.7, 1.25, memories // 100), 10, 5000)
    drawn = np.clip(drawn * (memories / drawn.sum()), 10, 5000).astype(int)
    return np.asarray(drawn)


class Source:
    """Vectors like real ones without embedding a million texts: real sentences, each a little moved."""

    def __init__(self) -> None:
        self._pool = SentenceEncoder().embed(list(texts(3000, seed=1)))

    def vectors(self, seed: int, count: int) -> Vectors:
        rng = np.random.default_rng(seed)
        base = self._pool[rng.integers(0, len(self._pool), count)]
        return unit(base + rng.normal(0, 0.02, base.shape).astype(np.float32))


async def build(settings: Settings, memories: int, source: Source) -> dict[str, Any]:
    """The rows by plain inserts, as a restore would; then the index from them."""
    db = Database(settings.database)
    async with db.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    started = time.perf_counter()
    for number, size in enumerate(sizes_of_customers(memories)):
        await insert(db, f"cus_{number:06d}", number, int(size), source)
    inserted = time.perf_counter()
    service = Memories(db, SentenceEncoder(), settings)
    counts = await service.reindex()
    done = time.perf_counter()
    await db.close()
    disk = sum(p.stat().st_size for p in (settings.data_dir / "chroma").rglob("*") if p.is_file())
    return {
        "insert_s": round(inserted - started, 1),
        "index_s": round(done - inserted, 1),
        "index_mb": disk >> 20,
        "memories": counts["entries"],
    }


async def insert(db: Database, customer_id: str, seed: int, size: int, source: Source) -> None:
    embeddings = source.vectors(seed, size)
    hours = np.sort(np.random.default_rng(seed).integers(0, 20_000, size))
    made = [
        {
            "id": f"mem_{seed:06d}_{n:05d}",
            "customer_id": customer_id,
            "kind": "turn",
            "external_id": str(n),
            "text": text,
            "language": "en",
            "at": _START + timedelta(hours=int(hours[n])),
            "source": "import",
            "embedding": to_bytes(embeddings[n]),
            "embedder": SentenceEncoder.name,
            "created_at": _START,
        }
        for n, text in enumerate(texts(size, seed))
    ]
    async with db.engine.begin() as connection:
        await connection.execute(
            sa.insert(Customer), [{"id": customer_id, "memory_version": 1, "created_at": _START}]
        )
        await connection.execute(sa.insert(Memory), made)


async def sample(db: Database) -> list[str]:
    async with db.read() as session:
        total = (await session.exec(select(sa.func.count()).select_from(Customer))).one()
    picked = np.random.default_rng(11).permutation(total)[: min(PEOPLE, total)]
    return [f"cus_{int(n):06d}" for n in picked]


async def exactly(
    db: Database, embedder: SentenceEncoder, person: str, query: str, vector: Vectors
) -> list[str]:
    """The same question put to every row of SQL, without index or cache."""
    async with db.read() as session:
        found, known = await newest(session, person, embedder.name, 5000)
    assert known is not None
    history = History([item_of(row) for row in found], known)
    hits = history.search(query, vector, now=datetime.now(UTC), language="en", limit=10)
    return [hit.item.id for hit in hits]
