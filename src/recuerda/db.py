"""The database: one engine, reads and writes apart.

SQLite: every write transaction is `BEGIN IMMEDIATE` behind one fair lock, reads are deferred, so
"database is locked" does not happen. PostgreSQL: plain transactions through psycopg 3.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

Session = AsyncSession


class Database:
    """Owns the engine. `read()` and `write()` are the only ways to a session."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = self._engine(url)
        self._sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)
        self._writer = asyncio.Lock()

    def _engine(self, url: str) -> AsyncEngine:
        if not self.is_sqlite:
            return create_async_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True)
        engine = create_async_engine(url, connect_args={"timeout": 30}, pool_size=5, max_overflow=10)
        sa.event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
        sa.event.listen(engine.sync_engine, "begin", _on_sqlite_begin)
        return engine

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with self._sessions() as session:
            yield session

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        guard = self._writer if self.is_sqlite else contextlib.nullcontext()
        async with guard, self._sessions() as session:
            if self.is_sqlite:
                await session.connection(execution_options={"recuerda_begin": "IMMEDIATE"})
            async with _transaction(session):
                yield session

    async def scrub(self) -> None:
        """Leave no deleted words in SQLite's files: `secure_delete` has overwritten the pages already;
        what remains is the log, which is folded in and cut to nothing."""
        if not self.is_sqlite:
            return
        async with self._writer, self.engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert driver is not None
            for _ in range(50):  # a reader still using the log puts it off
                async with driver.execute("PRAGMA wal_checkpoint(TRUNCATE)") as cursor:
                    busy, *_rest = await cursor.fetchone()
                if not busy:
                    return
                await asyncio.sleep(0.1)
            raise RuntimeError("the write-ahead log is in use; erasing is tried again")

    async def close(self) -> None:
        await self.engine.dispose()


@contextlib.asynccontextmanager
async def _transaction(session: AsyncSession) -> AsyncIterator[None]:
    try:
        yield
        await session.commit()
    except BaseException:
        await session.rollback()
        raise


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    # We say BEGIN ourselves; the driver's own would come too late and be deferred.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "synchronous=FULL",
        "secure_delete=ON",  # deleted words are overwritten, not only unlinked
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_sqlite_begin(connection: sa.Connection) -> None:
    mode = connection.get_execution_options().get("recuerda_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
