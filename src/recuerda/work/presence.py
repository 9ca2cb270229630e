"""Which workers are alive: each says so now and then, and leaves no trace when it ends well."""

import contextlib
import os
import secrets
import socket
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Database, Session
from recuerda.models import WorkerBeat, now

BEAT = timedelta(seconds=10)  # how often a worker says that it is alive
SILENT = 3 * BEAT  # after which it is taken for dead
_FORGOTTEN = timedelta(hours=1)  # after which a worker that stopped saying so is no longer listed


class Presence:
    """Of one worker."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._known = False

    async def beat(self) -> None:
        self._known = True  # before it can be seen: `end` takes back what may be there
        async with self._db.write() as session:
            beat = await session.get(WorkerBeat, self._id)
            if beat is None:
                session.add(WorkerBeat(id=self._id))
                await session.exec(sa.delete(WorkerBeat).where(col(WorkerBeat.seen_at) < now() - _FORGOTTEN))
            else:
                beat.seen_at = now()

    async def end(self) -> None:
        if not self._known:
            return
        with contextlib.suppress(sa.exc.SQLAlchemyError):  # the database may be what made us stop
            async with self._db.write() as session:
                await session.exec(sa.delete(WorkerBeat).where(col(WorkerBeat.id) == self._id))


async def last_seen(session: Session) -> datetime | None:
    """When any worker last said that it is alive; None when all have left, or none came."""
    return (await session.exec(select(sa.func.max(col(WorkerBeat.seen_at))))).one()
