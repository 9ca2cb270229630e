"""A fresh process that serves the shop of `scale`, and what it measures of itself, embedding excluded.

python -m evals.bench.scale_serve DATA_DIR STARTED
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from evals.bench.scale_shop import PEOPLE, exactly, sample, texts

from recuerda.db import Database
from recuerda.embeddings import SentenceEncoder
from recuerda.memory import Memories, NewMemory
from recuerda.settings import Settings


def quantiles(seconds: list[float]) -> dict[str, float]:
    return {f"p{q}": round(float(np.percentile(seconds, q)) * 1000, 2) for q in (50, 95, 99)}


async def serve(settings: Settings, started: float) -> dict[str, Any]:
    """`started` is when this process was launched, by the wall clock."""
    db, embedder = Database(settings.database), SentenceEncoder()
    service = Memories(db, embedder, settings)
    await service.start()
    queries = list(texts(PEOPLE, seed=5))
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
    findable, indexed = zip(*[await write(db, service, people[n], n) for n in range(1, 21)], strict=True)
    peak = _peak_mb()
    result = {
        "first_answer_s": round(first_answer, 2),
        "index_open_s": round(opened, 2),
        "cold_ms": quantiles(cold),
        "warm_ms": quantiles(warm),
        "not_exact": wrong,
        "findable_s": round(max(findable), 3),
        "indexed_s": round(max(indexed), 3),
        "peak_mb": peak,
    }
    await service.close()
    await db.close()
    return result


def _peak_mb() -> int:
    """Of this program alone: what `getrusage` gives counts the process it was started from."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


async def write(db: Database, service: Memories, person: str, n: int) -> tuple[float, float]:
    """Seconds from a new sentence to its being recalled, and to its being in Chroma too, everything included.

    Recall reads SQL, so it waits for the commit only; Chroma is brought up by a job behind it.
    """
    parrot = f"Zoltan {time.time_ns() % 1_000_000} the {n}th"  # no run before has told of this one
    said = NewMemory("turn", f"new-{time.time_ns()}", f"My parrot is {parrot}", datetime.now(UTC), "en")
    at = time.perf_counter()
    prepared = await service.prepare([said])
    async with db.write() as session:
        ids = await service.remember(session, person, [said], prepared)
    hits = await service.recall(person, f"what is my parrot called, {parrot}?", floor=0.0)
    found = time.perf_counter()
    if hits[0].id != ids[0]:
        raise SystemExit(f"{person}: the new memory was not found")
    await service.index(ids)
    return found - at, time.perf_counter() - at


if __name__ == "__main__":
    print(json.dumps(asyncio.run(serve(Settings(data_dir=Path(sys.argv[1])), float(sys.argv[2])))))
