"""Commits that several writes to SQLite share: the disk is flushed once for all that wait for each other.

One writes at a time, behind one fair lock and `BEGIN IMMEDIATE`, each in a savepoint of its own; whoever is
last, with nobody waiting, commits for all of them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import cast

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from recuerda import sqlite

_TOGETHER = 32  # writes that share a commit at most, so that the first does not wait long for the last


@dataclass(slots=True)
class Shared:
    """A transaction, and the writes in it."""

    connection: AsyncConnection
    driver: sqlite.Connection
    done: "asyncio.Future[None]"
    writes: int = 0

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is rolled back is this write alone, not those it shares a commit with."""
        self.driver.say("SAVEPOINT one_write")
        try:
            yield
        except BaseException:
            if self.driver.in_transaction:  # neither closed nor, as by a full disk, rolled back already
                self.driver.say("ROLLBACK TO one_write")
                self.driver.say("RELEASE one_write")
            raise
        self.driver.say("RELEASE one_write")

    async def commit(self) -> None:
        try:
            await self.connection.commit()
        except BaseException as error:
            self.done.set_exception(error)
            self.done.exception()  # whoever waits is told; nobody waiting is no fault
        else:
            self.done.set_result(None)
        finally:
            await self.connection.close()


class SharedCommits:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.lock = asyncio.Lock()  # held by whoever writes
        self._waiting = 0  # writers behind it
        self._shared: Shared | None = None

    @contextlib.asynccontextmanager
    async def join(self) -> AsyncIterator[Shared]:
        """The transaction to write in, alone; left once it is committed, or this write's error is raised."""
        await self._turn()
        try:
            shared = self._shared = self._shared or await self._open()
            shared.writes += 1
            try:
                yield shared
            finally:
                # SQLAlchemy closes the connection of whoever is stopped within a statement.
                broken = shared.connection.invalidated
                if broken or not self._waiting or shared.writes >= _TOGETHER:
                    self._shared = None
                    await asyncio.shield(asyncio.ensure_future(shared.commit()))
        finally:
            self.lock.release()
        await asyncio.shield(shared.done)

    async def _turn(self) -> None:
        self._waiting += 1
        try:
            await self.lock.acquire()
        except BaseException:
            # Who wrote before left the commit to us.
            if self._waiting == 1 and self._shared and not self.lock.locked():
                shared, self._shared = self._shared, None
                await asyncio.shield(asyncio.ensure_future(shared.commit()))
            raise
        finally:
            self._waiting -= 1

    async def _open(self) -> Shared:
        connection = self._engine.connect()
        try:
            await connection.start()
            await connection.execution_options(recuerda_begin="IMMEDIATE")
            await connection.begin()
            driver = cast(sqlite.Connection, (await connection.get_raw_connection()).driver_connection)
        except BaseException:
            if connection.sync_connection:  # unless stopped before there was one
                await asyncio.shield(asyncio.ensure_future(connection.close()))
            raise
        return Shared(connection, driver, asyncio.get_running_loop().create_future())
