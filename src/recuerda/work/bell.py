"""Waking the workers of other processes at once, through PostgreSQL's NOTIFY.

On SQLite there is one process and nobody to wake. The workers' poll stands behind it: a ring that is
lost costs a second, never a job.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import psycopg
import sqlalchemy as sa

from recuerda import postgresql
from recuerda.db import Database

log = logging.getLogger(__name__)

_CHANNEL = "recuerda_work"
_RECONNECT_SECONDS = 1.0


class Bell:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._ringing: asyncio.Task[None] | None = None
        self._again = False

    def ring(self) -> None:
        """Returns at once; rings that come while one is under way are one more ring."""
        if self._db.is_sqlite:
            return
        if self._ringing and not self._ringing.done():
            self._again = True
        else:
            self._ringing = asyncio.create_task(self._ring())

    async def _ring(self) -> None:
        again = True
        while again:
            self._again = False
            with contextlib.suppress(sa.exc.SQLAlchemyError, OSError):
                async with self._db.engine.connect() as connection:
                    plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
                    await plain.execute(sa.text(f"NOTIFY {_CHANNEL}"))
            again = self._again

    async def hear(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever somebody rings, until cancelled; connects again when the server was away."""
        if self._db.is_sqlite:
            return
        while True:
            try:
                async with await postgresql.connect(self._db.url) as connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    wake()  # what was rung while nobody listened
                    async for _ in connection.notifies():
                        wake()
            except (psycopg.Error, OSError) as error:
                log.warning("not hearing of new work (%s); looking every second", type(error).__name__)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def close(self) -> None:
        if self._ringing:
            await self._ringing
