"""What becomes of a job in a worker's hands: kept, finished, failed, handed back; or taken from the dead."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, cast

import sqlalchemy as sa

from recuerda.db import Database, Session
from recuerda.models import Job
from recuerda.work import queue
from recuerda.work.queue import LEASE, Lease

Write = Callable[[Session], Awaitable[None]]
Handler = Callable[[Mapping[str, Any]], Awaitable[Write | None]]
WhenDead = Callable[[Mapping[str, Any]], Write]


class Leases:
    def __init__(self, db: Database, wake: Callable[[], None]) -> None:
        """`wake` is called when a job is done: what was behind it in its lane is ready."""
        self._db, self._wake = db, wake
        self.when_dead: dict[str, WhenDead] = {}  # by kind: told of a job that is given up

    @contextlib.asynccontextmanager
    async def keep(self, *leases: Lease) -> AsyncIterator[None]:
        """Renew the leases every third of their length while the block runs."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(LEASE.total_seconds() / 3)
                with contextlib.suppress(sa.exc.SQLAlchemyError):  # the next beat tries again
                    async with self._db.write() as session:
                        await queue.renew(session, *leases)

        heartbeat = asyncio.create_task(beat())
        try:
            yield
        finally:
            heartbeat.cancel()

    async def finish(self, *leases: Lease, write: Write | None = None) -> None:
        """One transaction: the work's result and "done". Raises `LeaseLost`, and nothing is written."""
        async with self._db.write() as session:
            await queue.done(session, *leases)
            if write is not None:
                await write(session)
        self._wake()

    async def give_back(self, *leases: Lease) -> None:
        async with self._db.write() as session:
            for lease in leases:
                await queue.give_back(session, lease)

    async def fail(self, lease: Lease, error: Exception) -> None:
        """Try again later, further apart each time; give up at last."""
        async with self._db.write() as session:
            if await queue.fail(session, lease, error):
                await self._bury(session, lease.job_id)

    async def reap(self) -> bool:
        """Give back the jobs of workers that died; whether there were any."""
        async with self._db.read() as session:
            lost = await queue.lost(session)
        for job in lost:
            async with self._db.write() as session:
                if await queue.take_back(session, job):
                    await self._bury(session, cast(int, job.id))
        return bool(lost)

    async def _bury(self, session: Session, job_id: int) -> None:
        """In the transaction that gives it up, so that who waits for it is told whatever happens next."""
        job = await session.get_one(Job, job_id)
        if told := self.when_dead.get(job.kind):
            await told(job.payload)(session)
