"""What one memory takes on disk and in the process: the figures of docs/scale.md.

python -m evals.bench.units --memories 10000
"""

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

import psycopg
from evals.bench.fleet import postgres
from evals.bench.scale_shop import Source, build, insert, sample, sizes_of_customers
from sqlmodel import SQLModel

from recuerda.db import Database
from recuerda.embeddings import SentenceEncoder
from recuerda.memory.cache import item_of
from recuerda.memory.history import History
from recuerda.memory.rows import newest
from recuerda.settings import Settings


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(p.stat().st_size for p in files)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def in_postgresql(memories: int, source: Source) -> int:
    """Bytes the database grew by."""
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder)) as (url, _):
        db = Database(Settings(database_url=url).database)
        async with db.engine.begin() as connection:
            await connection.run_sync(SQLModel.metadata.create_all)
        with psycopg.connect(url) as looking:
            size = "SELECT pg_database_size(current_database())"
            before = (looking.execute(size).fetchone() or [0])[0]
            for number, of in enumerate(sizes_of_customers(memories)):
                await insert(db, f"cus_{number:06d}", number, int(of), source)
            after = (looking.execute(size).fetchone() or [0])[0]
        await db.close()
    return int(after - before)


async def held(settings: Settings) -> tuple[int, int, int]:
    """Memories of some customers read as the cache reads them: how many, what the process grew by, and what
    the cache counts for them."""
    db = Database(settings.database)
    async with db.read() as session:
        rows_of = [await newest(session, who, SentenceEncoder.name, 5000) for who in await sample(db)]
    await db.close()
    before, kept = _resident(), []
    for rows, vectors in rows_of:
        if vectors is not None:
            kept.append(History([item_of(row) for row in rows], vectors.copy()))
    return sum(map(len, kept)), _resident() - before, sum(history.nbytes for history in kept)


async def measure(memories: int) -> str:
    source = Source()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        counts = await build(settings, memories, source)
        count = counts["memories"]
        sqlite, chroma = _bytes(Path(folder) / "recuerda.db"), _bytes(Path(folder) / "chroma")
        read, grown, counted = await held(settings)
    rows = {
        "SQLite, a row with its text, vector and indexes": sqlite / count,
        "PostgreSQL, the same": await in_postgresql(memories, source) / count,
        "Chroma, a vector with its graph and ids": chroma / count,
        "the process, a memory of a history it holds": grown / read,
        "the same, as the cache's bound counts it": counted / read,
    }
    lines = [f"| bytes for each of {count:,} memories | |", "|---|---:|"]
    return "\n".join(lines + [f"| {what} | {round(each):,} |" for what, each in rows.items()])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--memories", type=int, default=10_000)
    print(asyncio.run(measure(parser.parse_args().memories)))


if __name__ == "__main__":
    main()
