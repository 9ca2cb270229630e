"""The outbox: work is committed with what causes it, done at least once, in order within its lane.

A handler does its slow part outside any transaction and returns what to write; that write and the
mark "done" are one transaction, void if the lease was lost meanwhile. So a job may be started twice
but takes effect once. Crashes (a lease that ran out) are counted apart from failures (an exception).

The pattern is that of Procrastinate, Oban and the SKIP LOCKED queues of PostgreSQL, written here
because none of them has both databases, enqueueing in the caller's transaction and order per lane.
"""

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from recuerda.db import Database, Session
from recuerda.models import Job, JobState, now

log = logging.getLogger(__name__)

Write = Callable[[Session], Awaitable[None]]
Handler = Callable[[Mapping[str, Any]], Awaitable[Write | None]]

LEASE = timedelta(seconds=15)
POLL_SECONDS = 1.0
MAX_FAILURES = 8
MAX_CRASHES = 5
_UNFINISHED = (JobState.READY, JobState.RUNNING)


class LeaseLost(Exception):
    """Another worker took the job over; what this one made of it is thrown away."""


@dataclass(frozen=True, slots=True)
class Lease:
    job_id: int
    token: str
    attempts: int


async def enqueue(
    session: Session,
    kind: str,
    *,
    lane: str,
    payload: Mapping[str, Any],
    dedupe: str | None = None,
    conversation_id: str | None = None,
    customer_id: str | None = None,
    delay: timedelta = timedelta(0),
) -> int | None:
    """Put a job into the caller's transaction; None when one with the same `dedupe` is waiting already.

    Lock what the lane stands for (the conversation's row) first: ids are allotted before commit.
    """
    if dedupe is not None:
        waiting = (await session.exec(select(Job.id).where(Job.dedupe == dedupe))).first()
        if waiting is not None:
            return None
    job = Job(
        kind=kind,
        lane=lane,
        payload=dict(payload),
        dedupe=dedupe,
        conversation_id=conversation_id,
        customer_id=customer_id,
        run_at=now() + delay,
    )
    session.add(job)
    await session.flush()
    return job.id


async def hold(session: Session, job_id: int) -> Lease | None:
    """Take the job just enqueued for oneself, in the same transaction; None when its lane is busy."""
    job = await session.get_one(Job, job_id)
    before = select(Job.id).where(Job.lane == job.lane, col(Job.id) < job_id, col(Job.state).in_(_UNFINISHED))
    if (await session.exec(before.limit(1))).first() is not None:
        return None
    return _take(job)


def _take(job: Job) -> Lease:
    job.state = JobState.RUNNING
    job.attempts += 1
    job.dedupe = None  # from here on new work of the same name is new
    job.lease_token = secrets.token_hex(8)
    job.lease_until = now() + LEASE
    return Lease(cast(int, job.id), job.lease_token, job.attempts)


def _mine(lease: Lease) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Job.id) == lease.job_id,
        col(Job.lease_token) == lease.token,
        col(Job.attempts) == lease.attempts,
    )


async def is_settled(session: Session, conversation_id: str) -> bool:
    """Whether every job of the conversation has run."""
    query = select(Job.id).where(Job.conversation_id == conversation_id, col(Job.state).in_(_UNFINISHED))
    return (await session.exec(query.limit(1))).first() is None


async def revive(session: Session, job_id: int) -> bool:
    """Try a job that was given up once more, from the start; False when it is not one."""
    result = await session.exec(
        sa.update(Job)
        .where(col(Job.id) == job_id, col(Job.state) == JobState.DEAD)
        .values(state=JobState.READY, attempts=0, crashes=0, run_at=now(), last_error=None)
    )
    return bool(result.rowcount)


class Worker:
    """Claims and performs jobs. Any number may run, in any number of processes."""

    def __init__(self, db: Database, *, concurrency: int = 4) -> None:
        self._db = db
        self._handlers: dict[str, Handler] = {}
        self._dead: dict[str, Handler] = {}
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    def handle(self, kind: str, handler: Handler, *, dead: Handler | None = None) -> None:
        """`dead` is told of a job of this kind that is given up."""
        self._handlers[kind] = handler
        if dead:
            self._dead[kind] = dead

    def wake(self) -> None:
        """New work was committed: look now instead of at the next poll."""
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`."""
        loop = asyncio.get_running_loop()
        reap_at = loop.time()
        while not self._stopping:
            self._wake.clear()
            try:
                if loop.time() >= reap_at:
                    await self._reap()
                    reap_at = loop.time() + POLL_SECONDS
                while not self._stopping and await self._start_one():
                    pass
            except Exception:  # the database is away: say so and try again, forever
                log.exception("work could not be claimed; trying again")
                await asyncio.sleep(POLL_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)

    async def stop(self, grace: float = 10.0) -> None:
        """Take no more, finish what runs within `grace` seconds, hand the rest back at once."""
        self._stopping = True
        self._wake.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def drain(self) -> None:
        """Do all that is ready and return: for tests, imports and the command line."""
        while True:
            while await self._start_one():
                pass
            if not self._tasks:
                return
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _start_one(self) -> bool:
        await self._slots.acquire()
        try:
            claimed = await self._claim()
        except BaseException:
            self._slots.release()
            raise
        if claimed is None:
            self._slots.release()
            return False
        task = asyncio.create_task(self._perform(*claimed))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()
        self._wake.set()

    async def _claim(self) -> tuple[Job, Lease] | None:
        earlier = aliased(Job)
        busy = sa.exists().where(
            col(earlier.lane) == col(Job.lane),
            col(earlier.id) < col(Job.id),
            col(earlier.state).in_(_UNFINISHED),
        )
        ready = (
            select(Job)
            .where(
                Job.state == JobState.READY,
                col(Job.run_at) <= now(),
                col(Job.kind).in_(self._handlers),  # an unknown kind waits for a newer worker
                ~busy,
            )
            .order_by(col(Job.id))
            .limit(1)
        )
        async with self._db.read() as session:  # a look costs no write lock
            if (await session.exec(ready)).first() is None:
                return None
        async with self._db.write() as session:
            job = (await session.exec(ready.with_for_update(skip_locked=True))).first()
            return None if job is None else (job, _take(job))

    async def _perform(self, job: Job, lease: Lease) -> None:
        try:
            async with self.keep(lease):
                write = await self._handlers[job.kind](job.payload)
                await self.finish(lease, write)
        except LeaseLost:
            log.warning("job %s (%s) was taken over by another worker", job.id, job.kind)
        except asyncio.CancelledError:
            await asyncio.shield(self.give_back(lease))
            raise
        except Exception as error:
            # Only the error's kind and place are kept: its text may quote a customer.
            log.warning(
                "job %s (%s) failed: %s", job.id, job.kind, type(error).__name__, exc_info=frames(error)
            )
            await self.fail(lease, error)

    @contextlib.asynccontextmanager
    async def keep(self, lease: Lease) -> AsyncIterator[None]:
        """Renew the lease every third of its length while the block runs."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(LEASE.total_seconds() / 3)
                with contextlib.suppress(sa.exc.SQLAlchemyError):  # the next beat tries again
                    async with self._db.write() as session:
                        await session.exec(
                            sa.update(Job).where(*_mine(lease)).values(lease_until=now() + LEASE)
                        )

        heartbeat = asyncio.create_task(beat())
        try:
            yield
        finally:
            heartbeat.cancel()

    async def finish(self, lease: Lease, write: Write | None) -> None:
        """One transaction: the work's result and "done". Raises `LeaseLost`, and nothing is written."""
        async with self._db.write() as session:
            result = await session.exec(
                sa.update(Job)
                .where(*_mine(lease), col(Job.state) == JobState.RUNNING)
                .values(state=JobState.DONE, lease_token=None, lease_until=None, last_error=None)
            )
            if result.rowcount != 1:
                raise LeaseLost
            if write is not None:
                await write(session)
        self._wake.set()

    async def give_back(self, lease: Lease) -> None:
        async with self._db.write() as session:
            await session.exec(
                sa.update(Job)
                .where(*_mine(lease))
                .values(state=JobState.READY, lease_token=None, run_at=now())
            )

    async def fail(self, lease: Lease, error: Exception) -> None:
        """Try again later, further apart each time; give up after `MAX_FAILURES`."""
        given_up = lease.attempts >= MAX_FAILURES
        pause = min(300.0, 0.5 * 2**lease.attempts) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        async with self._db.write() as session:
            await session.exec(
                sa.update(Job)
                .where(*_mine(lease))
                .values(
                    state=JobState.DEAD if given_up else JobState.READY,
                    lease_token=None,
                    run_at=now() + timedelta(seconds=pause),
                    last_error=type(error).__name__,
                )
            )
        if given_up:
            await self._bury(lease.job_id)

    async def _reap(self) -> None:
        """Give back the jobs of workers that died: their lease ran out."""
        async with self._db.read() as session:
            query = select(Job).where(Job.state == JobState.RUNNING, col(Job.lease_until) < now())
            lost = (await session.exec(query)).all()
        for job in lost:
            dead = job.crashes + 1 >= MAX_CRASHES
            async with self._db.write() as session:
                result = await session.exec(
                    sa.update(Job)
                    .where(
                        col(Job.id) == job.id,
                        col(Job.lease_token) == job.lease_token,
                        col(Job.lease_until) < now(),
                    )
                    .values(
                        state=JobState.DEAD if dead else JobState.READY,
                        crashes=job.crashes + 1,
                        lease_token=None,
                        last_error="the worker died",
                    )
                )
            if dead and result.rowcount:
                await self._bury(cast(int, job.id))

    async def _bury(self, job_id: int) -> None:
        async with self._db.read() as session:
            job = await session.get_one(Job, job_id)
        if handler := self._dead.get(job.kind):
            write = await handler(job.payload)
            if write is not None:
                async with self._db.write() as session:
                    await write(session)


def frames(error: BaseException) -> Any:
    """Where it happened, without the error's text, which may hold a customer's words."""
    return (RuntimeError, RuntimeError(type(error).__name__), error.__traceback__)
