"""What recurs does so once a period, across any number of workers."""

import asyncio
from datetime import UTC, datetime, timedelta

from recuerda.db import Database
from recuerda.migrations import migrate
from recuerda.work import Recurrence, Worker
from recuerda.work.schedule import enqueue_due
from tests.work.conftest import jobs

NIGHTLY = Recurrence("purge", at=timedelta(hours=3))
EVENING = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)


def test_a_night_lasts_from_three_to_three() -> None:
    night = NIGHTLY.period(EVENING)
    assert night == "2026-11-22T03:00:00+00:00"
    assert NIGHTLY.period(EVENING + timedelta(hours=4, minutes=59)) == night
    assert NIGHTLY.period(EVENING + timedelta(hours=5)) > night


async def test_a_fresh_database_waits_for_the_next_period(db: Database) -> None:
    assert await enqueue_due(db, [NIGHTLY], EVENING) == 0
    assert await enqueue_due(db, [NIGHTLY], EVENING + timedelta(hours=5)) == 1


async def test_once_a_period_however_many_look_at_once(db: Database) -> None:
    others = [Database(db.url) for _ in range(3)]
    try:
        for database in others:
            await migrate(database)
        await enqueue_due(db, [NIGHTLY], EVENING)
        for night in range(1, 4):
            moment = EVENING + timedelta(days=night)
            looks = [enqueue_due(one, [NIGHTLY], moment) for one in [db, *others] * 3]
            assert sum(await asyncio.gather(*looks)) == 1
            worker = Worker(db)
            await _run_all(worker)
        assert [job.kind for job in await jobs(db)] == ["purge"] * 3
    finally:
        for database in others:
            await database.close()


async def _run_all(worker: Worker) -> None:
    worker.handle("purge", _nothing)
    await worker.drain()


async def _nothing(_: object) -> None:
    return None


async def test_one_that_is_late_is_not_doubled(db: Database) -> None:
    await enqueue_due(db, [NIGHTLY], EVENING)
    assert await enqueue_due(db, [NIGHTLY], EVENING + timedelta(days=1)) == 1
    assert await enqueue_due(db, [NIGHTLY], EVENING + timedelta(days=2)) == 0  # the other still waits
    assert await enqueue_due(db, [NIGHTLY], EVENING + timedelta(days=1)) == 0  # a clock that is behind
