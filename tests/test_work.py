"""The outbox: at least once, in order within a lane, taken over when a worker dies."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import work
from recuerda.db import Database, Session
from recuerda.migrations import migrate
from recuerda.models import Job, JobState, now
from recuerda.work import LeaseLost, Worker, Write, enqueue, hold
from tests.conftest import make_settings


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    given = {}
    if request.param == "postgresql":
        given["database_url"] = request.getfixturevalue("postgres_url")
    database = Database(make_settings(tmp_path, **given).database)
    await migrate(database)
    yield database
    await database.close()


async def put(db: Database, lane: str, n: int, **options: Any) -> int | None:
    async with db.write() as session:
        return await enqueue(session, "note", lane=lane, payload={"n": n}, **options)


async def jobs(db: Database) -> list[Job]:
    async with db.read() as session:
        return list((await session.exec(select(Job).order_by(col(Job.id)))).all())


def noting(done: list[int], pause: float = 0.0) -> work.Handler:
    async def handle(payload: Mapping[str, Any]) -> Write | None:
        await asyncio.sleep(pause)

        async def write(_: Session) -> None:
            done.append(payload["n"])

        return write

    return handle


async def test_a_lane_keeps_its_order_and_lanes_run_side_by_side(db: Database) -> None:
    for n in range(12):
        await put(db, f"lane {n % 3}", n)
    done: list[int] = []
    workers = [Worker(db) for _ in range(3)]
    for worker in workers:
        worker.handle("note", noting(done, 0.01))
    await asyncio.gather(*(worker.drain() for worker in workers))
    await workers[0].drain()
    assert sorted(done) == list(range(12))
    for lane in range(3):
        mine = [n for n in done if n % 3 == lane]
        assert mine == sorted(mine)


async def test_a_failure_is_tried_again_and_given_up_at_last(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MAX_FAILURES", 3)
    tries, buried = [], []

    async def fail(payload: Mapping[str, Any]) -> Write | None:
        tries.append(payload["n"])
        raise ValueError("the customer's words")

    async def bury(payload: Mapping[str, Any]) -> Write | None:
        buried.append(payload["n"])
        return None

    worker = Worker(db)
    worker.handle("note", fail, dead=bury)
    await put(db, "a", 1)
    for _ in range(3):
        await worker.drain()
        async with db.write() as session:
            await session.exec(sa.update(Job).values(run_at=now()))
    [job] = await jobs(db)
    assert (job.state, tries, buried) == (JobState.DEAD, [1, 1, 1], [1])
    assert job.last_error == "ValueError"


async def test_a_dead_workers_job_is_taken_over_and_its_late_result_is_void(db: Database) -> None:
    await put(db, "a", 1)
    done: list[int] = []
    async with db.write() as session:
        job_id = (await session.exec(select(Job.id))).one()
        assert job_id is not None
        lost = await hold(session, job_id)
        assert lost is not None
    async with db.write() as session:  # its lease runs out
        await session.exec(sa.update(Job).values(lease_until=now() - timedelta(seconds=1)))
    worker = Worker(db)
    worker.handle("note", noting(done))
    running = asyncio.create_task(worker.run())
    while not done:
        await asyncio.sleep(0.01)
    await worker.stop()
    await running
    with pytest.raises(LeaseLost):
        await worker.finish(lost, await noting(done)({"n": 99}))
    assert done == [1]
    [job] = await jobs(db)
    assert (job.state, job.crashes) == (JobState.DONE, 1)


async def test_the_result_and_done_are_one_transaction(db: Database) -> None:
    await put(db, "a", 1)

    async def handle(_: Mapping[str, Any]) -> Write | None:
        async def write(session: Session) -> None:
            await enqueue(session, "other", lane="b", payload={})
            raise RuntimeError("half way")

        return write

    worker = Worker(db)
    worker.handle("note", handle)
    await worker.drain()
    [job] = await jobs(db)  # no job of kind "other"
    assert job.state is JobState.READY


async def test_one_waiting_job_of_a_name(db: Database) -> None:
    assert await put(db, "a", 1, dedupe="same")
    assert await put(db, "a", 2, dedupe="same") is None
    done: list[int] = []
    worker = Worker(db)
    worker.handle("note", noting(done))
    await worker.drain()
    assert await put(db, "a", 3, dedupe="same")


async def test_a_kind_nobody_knows_waits_for_a_newer_worker(db: Database) -> None:
    await put(db, "a", 1)
    await Worker(db).drain()
    [job] = await jobs(db)
    assert job.state is JobState.READY


async def test_a_delayed_job_waits(db: Database) -> None:
    await put(db, "a", 1, delay=timedelta(hours=1))
    done: list[int] = []
    worker = Worker(db)
    worker.handle("note", noting(done))
    await worker.drain()
    assert done == []


async def test_stopping_hands_back_what_is_not_finished(db: Database) -> None:
    await put(db, "a", 1)
    worker = Worker(db)
    worker.handle("note", noting([], pause=60))
    running = asyncio.create_task(worker.run())
    while (await jobs(db))[0].state is not JobState.RUNNING:
        await asyncio.sleep(0.01)
    await worker.stop(grace=0.05)
    await running
    [job] = await jobs(db)
    assert (job.state, job.lease_token) == (JobState.READY, None)
