"""Claiming and performing jobs. Any number of workers may run, in any number of processes."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from recuerda.db import Database
from recuerda.models import Job
from recuerda.telemetry import logs
from recuerda.work import queue
from recuerda.work.bell import Bell
from recuerda.work.leases import Handler, Leases, WhenDead
from recuerda.work.presence import BEAT, Presence
from recuerda.work.queue import Lease, LeaseLost
from recuerda.work.saying import SUSPECT
from recuerda.work.schedule import Recurrence, enqueue_due

log = logging.getLogger(__name__)

Together = Callable[[Sequence[Mapping[str, Any]]], Awaitable[None]]

POLL_SECONDS = 1.0
_GATHER = 0.05  # seconds from being woken to looking: what comes together is taken together
_TOGETHER = 1000  # jobs performed at once, of a kind that can be
_A_JOB = 0.05  # seconds each of them makes the others wait: one is done at once, hundreds wait for each other
_PUT_OFF = 5.0  # but no longer than this


class Worker:
    def __init__(self, db: Database, *, concurrency: int = 4) -> None:
        self._db = db
        self._handlers: dict[str, Handler] = {}
        self._together: dict[str, Together] = {}
        self._recurrences: list[Recurrence] = []
        self._wake = asyncio.Event()
        self._bell = Bell(db)
        self._concurrency = concurrency
        self._tasks: set[asyncio.Task[None]] = set()
        self._claiming = asyncio.Lock()  # what is claimed is among the tasks before anybody asks for those
        self._running = self._stopping = False
        self._batch: asyncio.Task[None] | None = None  # the jobs performed together just now
        self._batch_in: float | None = None  # seconds until the next of them, which waits for more to join it
        self._presence = Presence(db)
        self.leases = Leases(db, self.wake)

    def handle(self, kind: str, handler: Handler, *, dead: WhenDead | None = None) -> None:
        """`dead` is told of a job of this kind that is given up."""
        self._handlers[kind] = handler
        if dead:
            self.leases.when_dead[kind] = dead

    def handle_together(self, kind: str, handler: Together) -> None:
        """For work that nobody waits for and that is cheaper by the dozen: done at once when there is little
        of it or, under load, every few seconds, and then all of it, in whatever order. The handler writes
        nothing that "done" depends on."""
        self._together[kind] = handler

    def recur(self, recurrence: Recurrence, handler: Handler) -> None:
        """A job that nobody causes: enqueued once a period, by whichever worker looks first."""
        self.handle(recurrence.kind, handler)
        self._recurrences.append(recurrence)

    def wake(self) -> None:
        """New work was committed: look now instead of at the next poll. Workers elsewhere are told when
        none of ours is free."""
        self._wake.set()
        if not self._running or self._free == 0:
            self._bell.ring()

    @property
    def _pause(self) -> float:
        """Seconds until the next look when nobody calls."""
        return POLL_SECONDS if self._batch_in is None else min(max(self._batch_in, _GATHER), POLL_SECONDS)

    @property
    def _free(self) -> int:
        return self._concurrency - len(self._tasks)

    async def take_over(self) -> None:
        """Before `run`, where nobody else can be at work: need not wait for a dead worker's leases."""
        async with self._db.write() as session:
            await queue.end_leases(session)
        await self._reap()

    @property
    def running(self) -> bool:
        return self._running

    async def run(self) -> None:
        """Work until `stop`."""
        self._running = True
        beside = [
            asyncio.create_task(self._bell.hear(self._wake.set)),
            asyncio.create_task(self._tend()),
        ]
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    while not self._stopping and await self._start_some(batches_wait=True):
                        pass
                except Exception:  # the database is away: say so and try again, forever
                    log.exception("work could not be claimed; trying again")
                    await asyncio.sleep(POLL_SECONDS)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._pause)
                    await asyncio.sleep(_GATHER)
        finally:
            self._running = False
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _reap(self) -> None:
        """Take over from the dead."""
        if await self.leases.reap():
            self._wake.set()

    async def _tend(self) -> None:
        """Beside the work, however much of it there is: say that we live, enqueue what recurs, take over
        from the dead."""
        loop = asyncio.get_running_loop()
        beat_at = loop.time()
        while True:
            try:
                if loop.time() >= beat_at:
                    await self._presence.beat()
                    await enqueue_due(self._db, self._recurrences)
                    beat_at = loop.time() + BEAT.total_seconds()
                await self._reap()
            except Exception:  # the database is away
                log.exception("work could not be tended; trying again")
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self, grace: float = 10.0) -> None:
        """Take no more, finish what runs within `grace` seconds, hand the rest back at once."""
        self._stopping = True
        self._wake.set()
        loop = asyncio.get_running_loop()
        until = loop.time() + grace
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until), self._claiming:
                pass
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=max(until - loop.time(), 0.0))
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            self._bell.ring()  # what was handed back
        await self._bell.close()
        await self._presence.end()

    async def drain(self) -> None:
        """Do all that is ready and return: for tests, imports and the command line."""
        while True:
            while await self._start_some():
                pass
            if not self._tasks:
                return
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _start_some(self, *, batches_wait: bool = False) -> bool:
        while not self._free:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        async with self._claiming:
            claimed = [] if self._stopping else await self._claim(batches_wait=batches_wait)
            tasks = [self._start(jobs) for jobs in claimed]
        if claimed and claimed[0][0][0].crashes >= SUSPECT:
            await asyncio.wait(tasks)
        return bool(claimed)

    def _start(self, jobs: list[tuple[Job, Lease]]) -> asyncio.Task[None]:
        task = asyncio.create_task(self.perform(jobs))
        self._tasks.add(task)
        if jobs[0][0].kind in self._together:
            self._batch = task
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task is self._batch:
            self._batch = None
        self._wake.set()

    async def _claim(self, *, batches_wait: bool = False) -> list[list[tuple[Job, Lease]]]:
        """As many jobs as there are hands free, or all that is ready of a kind done together, as one: when
        its time has come, or there is nothing else. A suspect comes alone, when nothing else runs here."""
        async with self._db.read() as session:  # a look costs no write lock
            found = await queue.ready(session, self._together)
        if suspects := {one.kind for one in found if one.suspect} & {*self._handlers, *self._together}:
            if self._tasks:
                await asyncio.wait(self._tasks)
            async with self._db.write() as session:
                claimed = await queue.claim(session, suspects, suspect=True)
            return [claimed] if claimed else []
        others = any(one.kind in self._handlers for one in found)
        batches = [] if self._batch else [one for one in found if one.kind in self._together]
        waits = {one.kind: min(_A_JOB * one.jobs, _PUT_OFF) - one.age for one in batches}
        self._batch_in = min(waits.values(), default=None)
        for kind, wait in waits.items():
            if wait <= 0 if batches_wait else not others:
                async with self._db.write() as session:
                    if claimed := await queue.claim_together(session, kind, limit=_TOGETHER):
                        return [claimed]
        if others:
            async with self._db.write() as session:
                return [[one] for one in await queue.claim(session, self._handlers, limit=self._free)]
        return []

    async def perform(self, claimed: Sequence[tuple[Job, Lease]]) -> None:
        """One job, or several of a kind done together, to whatever end."""
        kind, leases = claimed[0][0].kind, [lease for _, lease in claimed]
        try:
            async with self.leases.keep(*leases):
                if together := self._together.get(kind):
                    await together([job.payload for job, _ in claimed])
                    await self.leases.finish(*leases)
                else:
                    [(job, lease)] = claimed
                    with logs.about(job_id=str(job.id), conversation_id=job.conversation_id):
                        write = await self._handlers[kind](job.payload)
                    await self.leases.finish(lease, write=write)
        except LeaseLost:
            log.warning("jobs %s (%s) were taken over by another worker", _ids(leases), kind)
        except asyncio.CancelledError:
            await asyncio.shield(self.leases.give_back(*leases))
            raise
        except Exception as error:
            # Only the error's kind and place are kept: its text may quote a customer.
            log.warning(
                "jobs %s (%s) failed: %s", _ids(leases), kind, type(error).__name__, exc_info=frames(error)
            )
            for lease in leases:
                await self.leases.fail(lease, error)


def _ids(leases: Sequence[Lease]) -> str:
    return ", ".join(str(lease.job_id) for lease in leases)


def frames(error: BaseException) -> Any:
    """Where it happened, without the error's text, which may hold a customer's words."""
    return (RuntimeError, RuntimeError(type(error).__name__), error.__traceback__)
