"""How recall, writing, memory and restart grow from ten thousand memories to a million.

    python -m evals.bench.scale --sizes 10000,100000,1000000 --results evals/results/scale.json

For each size: a shop of customers with 10 to 5,000 memories each (100 on average), written to SQL and
built into the index; then a fresh process that serves it is measured, embedding excluded. Beside it, on
the same vectors, one Chroma collection with a filter on the customer, which is what LangChain's and
mem0's Chroma stores do. Needs about 12 GB of disk for a million.
"""

import argparse
import asyncio
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import SQLModel, select

from recuerda.db import Database
from recuerda.embeddings import SentenceEncoder, Vectors, to_bytes, unit
from recuerda.memory import Memories, NewMemory
from recuerda.memory.cache import item_of
from recuerda.memory.history import History
from recuerda.memory.rows import newest
from recuerda.models import Customer, Memory
from recuerda.settings import Settings

_PEOPLE = 300  # customers asked, each cold once and warm three times
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


def quantiles(seconds: list[float]) -> dict[str, float]:
    return {f"p{q}": round(float(np.percentile(seconds, q)) * 1000, 2) for q in (50, 95, 99)}


async def serve(settings: Settings, started: float) -> dict[str, Any]:
    """Runs in a process of its own; `started` is when that was launched, by the wall clock."""
    db, embedder = Database(settings.database), SentenceEncoder()
    service = Memories(db, embedder, settings)
    await service.start()
    queries = list(texts(_PEOPLE, seed=5))
    asked = embedder.embed(queries)
    people = await sample(db)
    await service.recall(people[0], queries[0], vector=asked[0])
    first_answer = time.time() - started
    await service.ready()
    opened = time.time() - started
    cold: list[float] = []
    warm: list[float] = []
    wrong = 0
    for person, query, vector in zip(people[1:], queries[1:], asked[1:], strict=False):
        for times in (cold, warm, warm, warm):
            at = time.perf_counter()
            hits = await service.recall(person, query, vector=vector, floor=0.0)
            times.append(time.perf_counter() - at)
        wrong += [hit.id for hit in hits] != await exactly(db, embedder, person, query, vector)
    findable = [await write(db, service, people[n], n) for n in range(1, 21)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    result = {
        "first_answer_s": round(first_answer, 2),
        "index_open_s": round(opened, 2),
        "cold_ms": quantiles(cold),
        "warm_ms": quantiles(warm),
        "not_exact": wrong,
        "findable_s": round(max(findable), 3),
        "peak_mb": peak,
    }
    await service.close()
    await db.close()
    return result


async def sample(db: Database) -> list[str]:
    async with db.read() as session:
        total = (await session.exec(select(sa.func.count()).select_from(Customer))).one()
    picked = np.random.default_rng(11).permutation(total)[: min(_PEOPLE, total)]
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


async def write(db: Database, service: Memories, person: str, n: int) -> float:
    """Seconds from a new sentence to its being recalled, everything included."""
    said = NewMemory("turn", f"new-{n}", f"My parrot is called Zoltan the {n}th", datetime.now(UTC), "en")
    at = time.perf_counter()
    prepared = await service.prepare([said])
    async with db.write() as session:
        ids = await service.remember(session, person, [said], prepared)
    await service.index(ids)
    hits = await service.recall(person, f"what is my parrot called, Zoltan the {n}th?", floor=0.0)
    if hits[0].id != ids[0]:
        raise SystemExit(f"{person}: the new memory was not found")
    return time.perf_counter() - at


def one_collection(folder: Path, memories: int, source: Source) -> dict[str, Any]:
    """The usual way: one collection, Chroma's defaults, the customer as a metadata filter."""
    import chromadb

    settings = chromadb.config.Settings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(str(folder), settings=settings)
    collection = client.get_or_create_collection(
        "all", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    started = time.perf_counter()
    everyone = [source.vectors(n, int(size)) for n, size in enumerate(sizes_of_customers(memories))]
    flat, owners = np.concatenate(everyone), np.repeat(np.arange(len(everyone)), [len(v) for v in everyone])
    for start in range(0, len(flat), 5000):
        part = slice(start, start + 5000)
        collection.add(
            ids=[str(n) for n in range(start, min(start + 5000, len(flat)))],
            embeddings=flat[part],
            metadatas=[{"customer": f"cus_{n:06d}"} for n in owners[part]],
        )
    built = time.perf_counter() - started
    times, recalls = [], []
    people = np.random.default_rng(11).permutation(len(everyone))[:100]
    for number, vector in zip(people, SentenceEncoder().embed(list(texts(100, seed=5))), strict=False):
        at = time.perf_counter()
        found = collection.query(
            query_embeddings=[vector], n_results=10, where={"customer": f"cus_{number:06d}"}, include=[]
        )
        times.append(time.perf_counter() - at)
        mine = np.flatnonzero(owners == number)
        best = mine[np.argsort(-(flat[mine] @ vector))[:10]]
        recalls.append(len({int(id) for id in found["ids"][0]} & set(best.tolist())) / len(best))
    return {
        "build_s": round(built, 1),
        "query_ms": quantiles(times),
        "recall_at_10": round(float(np.mean(recalls)), 3),
    }


def measure(folder: Path, size: int, source: Source, compare: bool) -> dict[str, Any]:
    settings = Settings(data_dir=folder / f"recuerda-{size}")
    result: dict[str, Any] = {"size": size}
    if not settings.data_dir.exists():
        settings.data_dir.mkdir(parents=True)
        result["build"] = asyncio.run(build(settings, size, source))
    command = [sys.executable, "-m", "evals.bench.scale", "--serve", str(settings.data_dir), str(time.time())]
    served = subprocess.run(command, check=True, capture_output=True, text=True)
    result["recuerda"] = json.loads(served.stdout.splitlines()[-1])
    if compare:
        other = folder / f"one-{size}"
        shutil.rmtree(other, ignore_errors=True)
        result["one_collection"] = one_collection(other, size, source)
        shutil.rmtree(other)
    return result


def table(results: list[dict[str, Any]]) -> str:
    lines = [
        "| memories | warm p95 | cold p95 | exact | write to findable | peak memory | restart to answer "
        "| one collection p95 | its recall@10 |",
        "|---:|---:|---:|---|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        ours, other = result["recuerda"], result.get("one_collection")
        lines.append(
            f"| {result['size']:,} | {ours['warm_ms']['p95']} ms | {ours['cold_ms']['p95']} ms "
            f"| {'yes' if not ours['not_exact'] else 'no'} | {ours['findable_s']} s | {ours['peak_mb']} MB "
            f"| {ours['first_answer_s']} s "
            + (f"| {other['query_ms']['p95']} ms | {other['recall_at_10']} |" if other else "| – | – |")
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--data", type=Path, default=Path("evals/results/scale"), help="kept between runs")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--no-compare", action="store_true", help="leave out the one collection")
    parser.add_argument("--serve", nargs=2, metavar=("DATA_DIR", "STARTED"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        settings = Settings(data_dir=Path(given.serve[0]))
        print(json.dumps(asyncio.run(serve(settings, float(given.serve[1])))))
        return
    source, results = Source(), []
    for size in map(int, given.sizes.split(",")):
        results.append(measure(given.data, size, source, not given.no_compare))
        print(json.dumps(results[-1]), flush=True)
        if given.results:
            given.results.parent.mkdir(parents=True, exist_ok=True)
            given.results.write_text(json.dumps(results, indent=1))
    print(table(results))


if __name__ == "__main__":
    main()
