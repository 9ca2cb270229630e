"""A process that enqueues wakes a worker in another one at once, and a lost connection is made again."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from recuerda.db import Database
from recuerda.migrations import migrate
from recuerda.work import Worker, worker
from tests.conftest import make_settings
from tests.work.conftest import noting, put


@pytest.fixture
async def db(postgres_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(make_settings(tmp_path, database_url=postgres_url).database)
    await migrate(database)
    yield database
    await database.close()


async def _listening(db: Database) -> list[int]:
    query = sa.text(
        "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    )
    while True:
        async with db.engine.connect() as connection:
            if pids := list((await connection.execute(query)).scalars()):
                return pids
        await asyncio.sleep(0.02)


async def _until(done: list[int], n: int) -> float:
    began = time.monotonic()
    while n not in done:
        await asyncio.sleep(0.005)
        assert time.monotonic() - began < 20, "nobody woke the worker"
    return time.monotonic() - began


async def test_a_worker_elsewhere_is_woken_and_hears_again_after_a_cut(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL_SECONDS", 60.0)  # what the poll would find comes too late
    elsewhere = Database(db.url)
    done: list[int] = []
    working, asking = Worker(elsewhere), Worker(db)  # `asking` does no work itself
    working.handle("note", noting(done))
    running = asyncio.create_task(working.run())
    [pid] = await _listening(db)
    await put(db, "a", 1)
    asking.wake()
    await _until(done, 1)

    async with db.engine.connect() as connection:  # the server drops the line
        await connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    await put(db, "a", 2)  # found when the line is back, though nobody rang
    await _until(done, 2)
    await _listening(db)
    await put(db, "a", 3)
    asking.wake()
    await _until(done, 3)
    await working.stop()
    await running
    await asking.stop()
    await elsewhere.close()
