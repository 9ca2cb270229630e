"""SQLAlchemy's engines for the two databases, each set up as `db` needs it."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from recuerda import sqlite

_CONNECTIONS, _MORE = 20, 10
_RESTED = 1.0  # seconds without use after which PostgreSQL is asked whether it is still there


def make_engine(url: str) -> AsyncEngine:
    return _sqlite(url) if url.startswith("sqlite") else _postgresql(url)


def _postgresql(url: str) -> AsyncEngine:
    # What is said often is prepared by `postgresql`; psycopg would forget all of it at each rollback.
    given = {"prepare_threshold": None}
    engine = create_async_engine(url, connect_args=given, pool_size=_CONNECTIONS, max_overflow=_MORE)
    sa.event.listen(engine.sync_engine, "checkin", _on_checkin)
    sa.event.listen(engine.sync_engine, "checkout", partial(_on_checkout, engine.sync_engine.dialect))
    return engine


def _on_checkin(_connection: Any, record: Any) -> None:
    record.info["rested"] = time.monotonic()


def _on_checkout(dialect: Any, connection: Any, record: Any, _proxy: Any) -> None:
    """A connection that has rested may be dead by now; one just used is not asked again. Raising makes
    the pool connect anew."""
    if time.monotonic() - record.info.get("rested", time.monotonic()) > _RESTED:
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise sa.exc.InvalidatePoolError from error


def _sqlite(url: str) -> AsyncEngine:
    engine = create_async_engine(
        url,
        connect_args={"async_creator_fn": sqlite.connect},
        pool_size=_CONNECTIONS,  # those beyond are opened anew each time, which costs more than what they ask
        max_overflow=_MORE,
    )
    sa.event.listen(engine.sync_engine, "connect", _on_connect)
    sa.event.listen(engine.sync_engine, "begin", _on_begin)
    _say_savepoints(engine.sync_engine.dialect)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:
    connection.create_function("translate", 3, _translate)  # PostgreSQL has its own
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "foreign_keys=ON",
        f"busy_timeout={sqlite.BUSY_MS}",
        "synchronous=FULL",
        "secure_delete=ON",  # deleted words are overwritten, not only unlinked
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _translate(text: str | None, from_: str, to: str) -> str | None:
    """PostgreSQL's `translate`, with as many characters in `to` as in `from_`."""
    return None if text is None else text.translate(str.maketrans(from_, to))


def _on_begin(connection: sa.Connection) -> None:
    mode = connection.get_execution_options().get("recuerda_begin", "DEFERRED")
    if mode == "DEFERRED":  # waits for nobody
        _driver(connection).say("BEGIN DEFERRED")
    elif not _driver(connection).lock():
        connection.exec_driver_sql(f"BEGIN {mode}")


def _driver(connection: sa.Connection) -> sqlite.Connection:
    return cast(sqlite.Connection, connection.connection.driver_connection)


def _say_savepoints(dialect: Any) -> None:
    """Savepoints come with every write; said to the driver they cost a tenth of a statement."""

    def say(words: str) -> Callable[[sa.Connection, str], None]:
        return lambda connection, name: _driver(connection).say(f"{words} {name}")

    dialect.do_savepoint = say("SAVEPOINT")
    dialect.do_release_savepoint = say("RELEASE SAVEPOINT")
    dialect.do_rollback_to_savepoint = say("ROLLBACK TO SAVEPOINT")
