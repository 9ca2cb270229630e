"""Kill -9 aimed at the moment Chroma writes its files, again and again.

    python -m evals.bench.kills --data evals/results/scale/recuerda-100000 --times 30

The folder is one that `evals.bench.scale` made; it is copied once and wounded over and over. Each time a
process writes memories and is killed as soon as a file of the index changes; then another opens the
folder. Its answers are compared with SQL at once, before anything is healed, and again after.
"""

import argparse
import asyncio
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.bench.scale_shop import exactly, sample, texts

from recuerda.db import Database
from recuerda.embeddings import SentenceEncoder
from recuerda.memory import Memories, NewMemory
from recuerda.settings import Settings

_ASKED = 20  # customers compared with SQL after each kill


async def write(folder: Path) -> None:
    """Writes for ever, a hundred memories at a time to one customer: Chroma writes a shard's files once it
    has taken a thousand, so that comes soon."""
    settings = Settings(data_dir=folder)
    db = Database(settings.database)
    service = Memories(db, SentenceEncoder(), settings)
    await service.start()
    await service.ready()
    print("writing", flush=True)
    vectors = SentenceEncoder().embed(list(texts(100, seed=3)))
    people = await sample(db)
    person = random.choice(people)
    while True:
        stamp = time.time_ns()
        now = datetime.now(UTC)
        items = [
            NewMemory("note", f"{stamp}-{n}", text, now, "en")
            for n, text in enumerate(texts(100, seed=stamp % 1000))
        ]
        async with db.write() as session:
            ids = await service.remember(session, person, items, vectors)
        await service.index(ids)


def kill_while_persisting(folder: Path, wait: float) -> None:
    command = [sys.executable, "-m", "evals.bench.kills", "--write", str(folder)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout
        writer.stdout.readline()
        before = _times(folder)
        while _times(folder) == before and writer.poll() is None:
            pass
        time.sleep(wait)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()


def _times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in (folder / "chroma").glob("*/*.bin")}


async def look(folder: Path) -> dict[str, Any]:
    settings, embedder = Settings(data_dir=folder), SentenceEncoder()
    db = Database(settings.database)
    service = Memories(db, embedder, settings)
    started = time.perf_counter()
    await service.start()
    wrong = await _wrong(db, service, embedder)
    await service.ready()
    healed = time.perf_counter() - started
    status = await service.status()
    wrong += await _wrong(db, service, embedder)
    await service.close()
    await db.close()
    return {
        "wrong": wrong,
        "healed_s": round(healed, 1),
        "whole": status["open"] and status["indexed"] == status["memories"],
    }


async def _wrong(db: Database, service: Memories, embedder: SentenceEncoder) -> int:
    wrong = 0
    queries = list(texts(_ASKED, seed=9))
    for person, query, vector in zip(
        (await sample(db))[:_ASKED], queries, embedder.embed(queries), strict=False
    ):
        hits = await service.recall(person, query, vector=vector, floor=0.0)
        wrong += [hit.id for hit in hits] != await exactly(db, embedder, person, query, vector)
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        asyncio.run(write(given.write))
        return
    random.seed(1)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "shop"
        shutil.copytree(given.data, shop, copy_function=shutil.copy2)
        asyncio.run(look(shop))  # so that what is healed later was broken by a kill
        for number in range(given.times + 1):
            if number < given.times:
                kill_while_persisting(shop, random.random() * 0.01)
            else:
                shutil.rmtree(shop / "chroma")  # the last time everything is lost
            results.append(asyncio.run(look(shop)))
            print(
                json.dumps({"kill": number + 1 if number < given.times else "lost folder"} | results[-1]),
                flush=True,
            )
    print(
        f"{given.times} kills: {sum(r['wrong'] for r in results)} wrong answers, "
        f"{sum(not r['whole'] for r in results)} not whole after healing, "
        f"healed in at most {max(r['healed_s'] for r in results)} s (the last: a lost folder)"
    )


if __name__ == "__main__":
    main()
