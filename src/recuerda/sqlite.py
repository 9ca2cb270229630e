"""SQLite without a thread hop per statement.

aiosqlite sends each step of each statement to a thread and back, which costs many times what SQLite takes
for a row by its key. Here a statement runs where it is, in microseconds; what may wait goes to a thread:
taking the write lock, committing (a disk flush), deleting, bulk writes, and any reading that is not over
within a few milliseconds. The interface is the part of aiosqlite's that SQLAlchemy's dialect uses.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite

T = TypeVar("T")

DIALECT = SQLiteDialect_aiosqlite()
BUSY_MS = 30_000  # how long one process waits for another's write
_BUDGET = 0.003  # seconds a statement may hold the event loop
_TICKS = 2000  # SQLite's instructions between looks at the clock
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="sqlite")


async def connect(path: str, **given: Any) -> "Connection":
    # The driver's own BEGIN would come too late and be deferred: ours is said by `db`.
    given |= {"check_same_thread": False, "isolation_level": None}
    return Connection(await _in_thread(lambda: sqlite3.connect(path, **given)))


async def _in_thread(work: Callable[[], T]) -> T:
    future = asyncio.get_running_loop().run_in_executor(_threads, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])  # a connection is used by one thread at a time
        raise


class Connection:
    """One task at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._conn = connection
        self._connection: sqlite3.Connection | None = connection  # None once closed: the dialect looks
        self._until = float("inf")
        connection.set_progress_handler(self._overdue, _TICKS)

    def _overdue(self) -> bool:
        return time.monotonic() > self._until

    async def read(self, work: Callable[[], T]) -> T:
        """Here when it is quick; when it is not, from the start in a thread."""
        self._until = time.monotonic() + _BUDGET
        try:
            return work()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
        finally:
            self._until = float("inf")
        return await _in_thread(work)

    @property
    def in_transaction(self) -> bool:
        return self._connection is not None and self._connection.in_transaction

    def say(self, statement: str) -> None:
        """At once, for what takes no time and waits for nobody."""
        self._conn.execute(statement)

    async def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> tuple[list[Any], int]:
        """The rows, if any, and how many were changed."""

        def work() -> tuple[list[Any], int]:
            cursor = self._conn.execute(statement, parameters)
            return cursor.fetchall(), cursor.rowcount

        match statement[:6].upper():
            case "SELECT":
                return await self.read(work)
            case "INSERT" | "UPDATE":
                return work()
            case _:
                return await _in_thread(work)

    def lock(self) -> bool:
        """Begin a write at once; False when another process is writing."""
        self._conn.execute("PRAGMA busy_timeout = 0")
        try:
            self._conn.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:  # its own kinds of busy included
                raise
            return False
        finally:
            self._conn.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        return True

    def cursor(self) -> "Cursor":
        return Cursor(self)

    async def create_function(self, *given: Any, **named: Any) -> None:
        self._conn.create_function(*given, **named)

    async def commit(self) -> None:
        if self._conn.in_transaction:
            await _in_thread(self._conn.commit)

    async def rollback(self) -> None:
        self._conn.rollback()

    async def close(self) -> None:
        self._connection = None
        await _in_thread(self._conn.close)

    def stop(self) -> None:
        self._connection = None
        self._conn.close()


class Cursor:
    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._owner = connection
        self._cursor = connection._conn.cursor()
        self._last: tuple[str, Sequence[Any]] = ("", ())

    async def __aenter__(self) -> "Cursor":
        return self

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> "Cursor":
        self._last = (sql, parameters)
        match sql[:6].upper():
            case "SELECT":
                await self._owner.read(self._run)
            case "INSERT" | "UPDATE":
                self._run()
            case _:
                await _in_thread(self._run)
        return self

    def _run(self) -> None:
        self._cursor.execute(*self._last)

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> "Cursor":
        await _in_thread(lambda: self._cursor.executemany(sql, rows))
        return self

    async def fetchall(self) -> list[Any]:
        if self._last[0][:6].upper() != "SELECT":  # INSERT ... RETURNING must not run twice
            return self._cursor.fetchall()
        try:
            return await self._owner.read(self._fetch_once())
        finally:
            self._last = ("", ())

    def _fetch_once(self) -> Callable[[], list[Any]]:
        fresh = True  # the statement has just run; when its rows take too long it runs again

        def fetch() -> list[Any]:
            nonlocal fresh
            if not fresh:
                self._run()
            fresh = False
            return self._cursor.fetchall()

        return fetch

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        return await _in_thread(lambda: self._cursor.fetchmany(size or self.arraysize))

    async def fetchone(self) -> Any:
        return self._cursor.fetchone()

    async def close(self) -> None:
        self._cursor.close()
