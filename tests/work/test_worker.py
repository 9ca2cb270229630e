"""The outbox: at least once, in order within a lane, taken over when a worker dies."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Database, Session
from recuerda.models import Job, JobState, WorkerBeat, now
from recuerda.work import LeaseLost, Why, Worker, Write, enqueue, enqueue_held, explain, queue, why
from recuerda.work.saying import SUSPECT
from tests.work.conftest import jobs, noting, put


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
    monkeypatch.setattr(queue, "MAX_FAILURES", 3)
    tries, buried = [], []

    async def fail(payload: Mapping[str, Any]) -> Write | None:
        tries.append(payload["n"])
        raise ValueError("the customer's words")

    def bury(payload: Mapping[str, Any]) -> Write:
        async def write(session: Session) -> None:
            buried.append(payload["n"])

        return write

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


async def test_giving_up_and_telling_of_it_are_one_thing(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_FAILURES", 1)

    def bury(payload: Mapping[str, Any]) -> Write:
        async def write(session: Session) -> None:
            raise OSError("killed in the middle of it")

        return write

    worker = Worker(db)
    worker.handle("note", noting([]), dead=bury)
    async with db.write() as session:
        _, lease = await enqueue_held(session, "note", token="mine", lane="a", payload={"n": 1})
    assert lease is not None
    with pytest.raises(OSError, match="in the middle"):
        await worker.leases.fail(lease, ValueError())
    [job] = await jobs(db)
    assert job.state is JobState.RUNNING  # still to be given up, by whoever finds it


async def test_a_dead_workers_job_is_taken_over_and_its_late_result_is_void(db: Database) -> None:
    done: list[int] = []
    async with db.write() as session:
        _, lost = await enqueue_held(session, "note", token="mine", lane="a", payload={"n": 1})
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
        await worker.leases.finish(lost, write=await noting(done)({"n": 99}))
    assert done == [1]
    [job] = await jobs(db)
    assert (job.state, job.crashes) == (JobState.DONE, 1)


async def test_none_is_given_up_for_what_another_did(db: Database) -> None:
    """One job takes its worker down each time it runs; three more run beside it."""
    for n in range(4):
        await put(db, f"lane {n}", n)
    done: list[int] = []

    async def note(payload: Mapping[str, Any]) -> Write | None:
        if payload["n"] == 0:
            dies.set()
            await asyncio.sleep(60)
        await asyncio.sleep(0.1)
        done.append(payload["n"])
        return None

    for _ in range(2 * queue.MAX_CRASHES):
        dies = asyncio.Event()
        worker = Worker(db)
        worker.handle("note", note)
        await worker.take_over()
        async with db.write() as session:
            await session.exec(sa.update(Job).where(col(Job.state) == JobState.READY).values(run_at=now()))
        running = asyncio.create_task(worker.drain())
        await asyncio.wait([running, asyncio.create_task(dies.wait())], return_when=asyncio.FIRST_COMPLETED)
        worker.leases.give_back = lambda *_: asyncio.sleep(0)  # type: ignore[method-assign]  # killed: says nothing
        for task in [running, *worker._tasks]:
            task.cancel()
        await asyncio.gather(running, *worker._tasks, return_exceptions=True)
        if running.done() and not dies.is_set():
            break
    states = {job.payload["n"]: (job.state, job.crashes) for job in await jobs(db)}
    assert states.pop(0) == (JobState.DEAD, queue.MAX_CRASHES)
    assert states == dict.fromkeys((1, 2, 3), (JobState.DONE, SUSPECT))
    assert sorted(done) == [1, 2, 3]


async def test_the_only_worker_does_not_wait_for_a_dead_ones_lease(db: Database) -> None:
    await put(db, "a", 1)
    async with db.write() as session:
        [(_, old)] = await queue.claim(session, ["note"])
    done: list[int] = []
    worker = Worker(db)
    worker.handle("note", noting(done))
    await worker.drain()
    assert done == []  # its lease runs
    await worker.take_over()
    await worker.drain()
    [job] = await jobs(db)
    assert (done, job.state, job.crashes) == ([1], JobState.DONE, 1)
    with pytest.raises(LeaseLost):
        async with db.write() as session:
            await queue.done(session, old)


async def test_work_that_is_cheaper_by_the_dozen_waits_for_the_rest_and_is_done_at_once(db: Database) -> None:
    done: list[int] = []
    batches: list[list[int]] = []

    async def together(payloads: Sequence[Mapping[str, Any]]) -> None:
        assert len(done) == 3
        batches.append([payload["n"] for payload in payloads])

    async with db.write() as session:
        for n in range(5):
            await enqueue(session, "many", lane=f"many {n}", payload={"n": n})
        await enqueue(session, "many", lane="many 4", payload={"n": 5})  # after another of its lane
    for n in range(3):
        await put(db, f"one {n}", n)
    worker = Worker(db, concurrency=1)
    worker.handle("note", noting(done))
    worker.handle_together("many", together)
    await worker.drain()
    assert batches == [[0, 1, 2, 3, 4, 5]]
    assert {job.state for job in await jobs(db)} == {JobState.DONE}


async def test_the_more_there_is_to_do_together_the_longer_it_waits_for_more(db: Database) -> None:
    batches: list[int] = []

    async def together(payloads: Sequence[Mapping[str, Any]]) -> None:
        batches.append(len(payloads))

    worker = Worker(db)
    worker.handle_together("many", together)

    async def look(number: int, seconds: float) -> None:
        """What is done of so many jobs after so long."""
        async with db.write() as session:
            await session.exec(sa.delete(Job))
            for n in range(number):
                await enqueue(session, "many", lane=f"many {n}", payload={"n": n})
            await session.exec(sa.update(Job).values(run_at=now() - timedelta(seconds=seconds)))
        if await worker._start_some(batches_wait=True):
            await asyncio.gather(*worker._tasks)

    await look(1, 0.06)  # a lone one is done at once
    await look(60, 0.06)
    await look(60, 2.0)
    assert batches == [1]
    await look(60, 3.1)
    await look(200, 5.1)  # but none waits for ever
    assert batches == [1, 60, 200]


async def test_what_is_done_together_fails_together_and_is_tried_again(db: Database) -> None:
    tries: list[int] = []

    async def together(payloads: Sequence[Mapping[str, Any]]) -> None:
        tries.append(len(payloads))
        if len(tries) == 1:
            raise OSError

    async with db.write() as session:
        for n in range(3):
            await enqueue(session, "many", lane=f"many {n}", payload={"n": n})
    worker = Worker(db)
    worker.handle_together("many", together)
    await worker.drain()
    async with db.write() as session:
        await session.exec(sa.update(Job).values(run_at=now()))
    await worker.drain()
    assert tries == [3, 3]
    assert [job.attempts for job in await jobs(db)] == [2, 2, 2]


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


async def test_nothing_waits_behind_a_delayed_job(db: Database) -> None:
    await put(db, "a", 1, delay=timedelta(hours=1))
    await put(db, "a", 2)
    done: list[int] = []
    worker = Worker(db)
    worker.handle("note", noting(done))
    await worker.drain()
    assert done == [2]


@pytest.mark.parametrize("words", ["uso talla 42", "", "lucia@correo.example", "SM0123"])
async def test_a_job_holds_ids_and_no_words(db: Database, words: str) -> None:
    for payload in ({"text": words}, {"ids": ["msg_" + "0" * 32, words]}, {"a": {"b": words}}):
        with pytest.raises(ValueError, match="ids and numbers only"):
            async with db.write() as session:
                await enqueue(session, "note", lane="a", payload=payload)
    assert await jobs(db) == []


def test_pauses_grow_are_bounded_and_never_all_at_once() -> None:
    pauses = {attempts: {queue.pause(attempts) for _ in range(50)} for attempts in (1, 4, 8, 40)}
    assert all(len(tries) > 1 for tries in pauses.values())
    assert max(pauses[1]) <= 1 < min(pauses[4]) < max(pauses[4]) <= 8 < min(pauses[8])
    assert max(pauses[40]) <= 300


def test_a_failure_is_explained_without_its_text() -> None:
    assert why("Unavailable") is Why.AWAY
    assert why("OperationalError") is Why.DATABASE
    assert why("KeyError") is Why.FAULT
    assert "model" in explain("Unavailable")
    assert explain(None) == ""


async def test_a_worker_says_that_it_is_alive_and_when_it_leaves(db: Database) -> None:
    async def beats() -> int:
        async with db.read() as session:
            return len((await session.exec(select(WorkerBeat))).all())

    worker = Worker(db)
    running = asyncio.create_task(worker.run())
    while not await beats():
        await asyncio.sleep(0.01)
    await worker.stop()
    await running
    assert await beats() == 0


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


async def test_a_job_is_held_at_once_unless_its_lane_is_busy(db: Database) -> None:
    async with db.write() as session:
        _, first = await enqueue_held(session, "note", token="mine", lane="a", payload={"n": 1})
        _, second = await enqueue_held(session, "note", token="mine", lane="a", payload={"n": 2})
        _, other = await enqueue_held(session, "note", token="mine", lane="b", payload={"n": 3})
    assert first
    assert second is None
    assert other
    assert [(job.state, job.attempts) for job in await jobs(db)] == [
        (JobState.RUNNING, 1),
        (JobState.READY, 0),
        (JobState.RUNNING, 1),
    ]
