"""The database: one engine, reads and writes apart.

SQLite: every write is behind one fair lock and `BEGIN IMMEDIATE`, reads are deferred, so "database is
locked" does not happen; see `commits`. PostgreSQL: plain transactions through psycopg 3.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

import psycopg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncResult, async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from recuerda import postgresql, sqlite
from recuerda.commits import SharedCommits
from recuerda.engines import make_engine
from recuerda.line import Line
from recuerda.statements import Answer, Rows, Values, form

T = TypeVar("T")
Columns = TypeVarTuple("Columns")
Statement = tuple[sa.Executable, Values]  # and what it is said with

_LINES = 2  # so that a long reading does not hold up all others
_LONGEST = 30  # seconds it may take, for it holds up some
_STREAMED = 2000  # rows in memory at once
_BULK = 16  # rows from which on SQLAlchemy's own way, which does not hold up the others, is quicker


class Session(AsyncSession):
    """SQLModel's, and beside it the driver's own connection for what every turn says: see `statements`."""

    line: Line | None = None  # where what is only read goes
    _driver: Any = None

    async def driver(self) -> Any:
        """The connection below SQLAlchemy's, in the same transaction."""
        if self._driver is None:
            connection = await self.connection()
            self._driver = (await connection.get_raw_connection()).driver_connection
        return self._driver

    @property
    def used(self) -> bool:
        """Whether SQLAlchemy has, or would have, anything to commit or give back."""
        return self.in_transaction() or bool(self.sync_session.new)

    @property
    def pending(self) -> bool:
        """Whether objects were changed that the database does not know of yet."""
        return not self.sync_session._is_clean()


async def run(session: Session, statement: sa.Executable, values: Values | Sequence[Values] = ()) -> Rows:
    """Says a statement that was made once, for its rows; `values` are those of its `bindparam`s or columns,
    or a list of them, said one after another."""
    if not isinstance(values, Sequence):
        return (await _say(session, [(statement, values)]))[0]
    if len(values) > _BULK:
        await (await session.connection()).execute(statement, list(values))
        return Rows()
    return (await _say(session, [(statement, each) for each in values or ({},)]))[-1]


async def together(session: Session, *said: Statement) -> list[Rows]:
    """`run` for several that need nothing of each other: in order, but PostgreSQL is told all at once."""
    return await _say(session, said)


async def fetch(session: Session, table: type[T], statement: sa.Executable, values: Values) -> list[T]:
    """`run` for whole rows of a table, as objects to be read only."""
    return (await run(session, statement, values)).of(table)


async def stream(session: Session, query: sa.Select[*Columns]) -> AsyncResult[*Columns]:
    """Many rows, not all of them in memory at once. Inside `read(streams=True)`."""
    return await (await session.connection()).stream(query.execution_options(yield_per=_STREAMED))


async def _say(session: Session, statements: Sequence[Statement]) -> list[Rows]:
    if session.pending:
        await session.flush()
    driver: Any = None if session.line else await session.driver()
    dialect = sqlite.DIALECT if isinstance(driver, sqlite.Connection) else postgresql.DIALECT
    forms = [form(statement, dialect, values) for statement, values in statements]
    sayings = [f.bind(values) for f, (_, values) in zip(forms, statements, strict=True)]
    try:
        if session.line:
            answers: Sequence[Answer] = await session.line.ask(sayings)
        elif isinstance(driver, sqlite.Connection):
            answers = [Answer(*await driver.fetch(said.sql, said.values)) for said in sayings]
        else:
            answers = await postgresql.link(driver).ask(sayings)
    except (sqlite3.Error, psycopg.Error) as error:
        if isinstance(error, psycopg.Error) and driver and driver.closed:
            await (await session.connection()).invalidate(error)
        base = sqlite3.Error if isinstance(error, sqlite3.Error) else psycopg.Error
        words = "; ".join(said.sql for said in sayings)
        raise sa.exc.DBAPIError.instance(words, None, error, base, hide_parameters=True) from error
    return [f.read(answer) for f, answer in zip(forms, answers, strict=True)]


class Database:
    """Owns the engine. `read()` and `write()` are the only ways to a session."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = make_engine(url)
        lines = 0 if self.is_sqlite else _LINES
        self._lines = [Line(partial(postgresql.connect, url, longest=_LONGEST)) for _ in range(lines)]
        self._sessions = async_sessionmaker(self.engine, class_=Session, expire_on_commit=False)
        # PostgreSQL gives each statement its own view of the data anyway: a transaction only costs time.
        plain = {} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        looking = self.engine.execution_options(**plain)
        self._looks = async_sessionmaker(looking, class_=Session, expire_on_commit=False)
        self._commits = SharedCommits(self.engine) if self.is_sqlite else None

    @contextlib.asynccontextmanager
    async def read(self, *, streams: bool = False) -> AsyncIterator[Session]:
        """`streams` for what is fetched piece by piece, which PostgreSQL does inside a transaction only."""
        async with _ended((self._sessions if streams else self._looks)()) as session:
            if self._lines and not streams:
                session.line = min(self._lines, key=lambda line: line.busy)
            yield session

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        if self._commits is None:
            async with _ended(self._sessions()) as session, _transaction(session):
                yield session
            return
        async with self._commits.join() as shared:
            nested = self._sessions(bind=shared.connection, join_transaction_mode="create_savepoint")
            nested._driver = shared.driver
            async with _ended(nested) as session:
                with shared.savepoint():
                    async with _transaction(session):
                        yield session

    async def scrub(self) -> None:
        """Leave no deleted words in SQLite's files: `secure_delete` has overwritten the pages already;
        what remains is the log, which is folded in and cut to nothing."""
        if self._commits is None:
            return
        async with self._commits.lock, self.engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert driver is not None
            cursor = driver.cursor()
            for _ in range(50):  # a reader still using the log puts it off
                await cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                [(busy, *_rest)] = await cursor.fetchall()
                if not busy:
                    return
                await asyncio.sleep(0.1)
            raise RuntimeError("the write-ahead log is in use; erasing is tried again")

    async def close(self) -> None:
        for line in self._lines:
            await line.close()
        await self.engine.dispose()


@contextlib.asynccontextmanager
async def _ended(session: Session) -> AsyncIterator[Session]:
    try:
        yield session
    finally:
        if session.used:
            await asyncio.shield(asyncio.ensure_future(session.close()))


@contextlib.asynccontextmanager
async def _transaction(session: Session) -> AsyncIterator[None]:
    try:
        yield
        if session.used:
            await session.commit()
    except BaseException:
        if session.used:
            await session.rollback()
        raise
