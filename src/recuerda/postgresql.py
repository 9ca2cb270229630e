"""PostgreSQL without a cursor per statement.

psycopg's cursor takes several times as long over a statement as PostgreSQL. What every turn says goes
straight to its libpq instead: prepared once a connection, several at a time where nobody waits for the one
before. The rest uses SQLAlchemy and psycopg as ever, on the same connection and in the same transaction.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg

from recuerda.statements import Answer, Saying

_IDLE = pq.TransactionStatus.IDLE
_OK = frozenset({pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK})
# SQLSTATEs of what is no longer prepared, and of what was prepared for a table that changed since
_STALE = frozenset({b"26000", b"0A000"})
_PREPARED = 200  # statements a connection keeps: lists make one a length, and the server 100 kB of each
_CLOSING = 5.0  # seconds a statement may take to end that nobody waits for any more

# psycopg's, with the places of values numbered
DIALECT = PGDialectAsync_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


_BEGIN = Saying("BEGIN", ())


def address(url: str) -> str:
    """SQLAlchemy's address of a database in libpq's words."""
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


async def connect(url: str, *, longest: int = 0) -> psycopg.AsyncConnection[Any]:
    """A connection that is in no transaction; a statement that takes over `longest` seconds fails."""
    made = await psycopg.AsyncConnection.connect(address(url), autocommit=True, prepare_threshold=None)
    if longest:
        await made.execute(f"SET statement_timeout = {longest * 1000}")
    return made


class Link:
    """A connection of psycopg's as libpq has it. One task at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self.connection = connection
        self._libpq: Any = connection.pgconn
        self._types = Transformer(connection)
        self._names: dict[str, bytes] = {}

    async def ask(self, sayings: Sequence[Saying]) -> list[Answer]:
        """All of them, or the first error is raised."""
        answers = await self.say(sayings)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [answer for answer in answers if isinstance(answer, Answer)]

    async def say(self, sayings: Sequence[Saying]) -> list[Answer | Exception | None]:
        """What each gave; after an error None, for those that were not run. Begins a transaction first where
        one is wanted."""
        if len(self._names) > _PREPARED:
            self._names.clear()
            await self.connection.execute("DEALLOCATE ALL")
        if not self.connection.autocommit and self._libpq.transaction_status == _IDLE:
            return (await self._exchange([_BEGIN, *sayings]))[1:]
        return await self._exchange(sayings)

    async def _exchange(self, sayings: Sequence[Saying]) -> list[Answer | Exception | None]:
        libpq = self._libpq
        values: list[Any] = []
        unsendable: list[Exception | None] = []
        try:  # before anything is sent
            for saying in sayings:
                values += [self._bound(saying.values)]
        except Exception as error:  # its own fault: those before are not to suffer
            unsendable = [error, *[None] * (len(sayings) - len(values) - 1)]
            sayings = sayings[: len(values)]
        libpq.enter_pipeline_mode()
        new = [self._send(saying.sql, *bound) for saying, bound in zip(sayings, values, strict=True)]
        libpq.pipeline_sync()
        results = await self._results(sum(new) + len(sayings))
        libpq.exit_pipeline_mode()
        answers: list[Answer | Exception | None] = []
        for is_new, saying in zip(new, sayings, strict=True):
            prepared = next(results) if is_new else None
            result = next(results)
            if prepared is not None and prepared.status not in _OK:
                result = prepared
                self._names.pop(saying.sql, None)
            elif result.error_field(pq.DiagnosticField.SQLSTATE) in _STALE:
                self._names.pop(saying.sql, None)
            answers.append(self._answer(result))
        return answers + unsendable

    def _bound(self, values: Sequence[Any]) -> tuple[Sequence[Any], Any]:
        """As they are sent, and how."""
        formats = [PyFormat.BINARY if type(value) is bytes else PyFormat.TEXT for value in values]
        return self._types.dump_sequence(values, formats), self._types.formats

    def _send(self, sql: str, values: Sequence[Any], formats: Any) -> bool:
        """Whether it had to be prepared first."""
        new = (name := self._names.get(sql)) is None
        if name is None:
            name = self._names[sql] = b"r%d" % next(_numbers)
            self._libpq.send_prepare(name, sql.encode())
        self._libpq.send_query_prepared(name, values, formats, pq.Format.BINARY)
        return new

    async def _results(self, wanted: int) -> Any:
        """All of them, once they are there. What nobody waits for any more is cancelled, and read still: the
        connection is of use afterwards."""
        try:
            found = await self._read()
        except asyncio.CancelledError:
            ending = asyncio.ensure_future(self._end())
            while not ending.done():  # however often we are told
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([ending])
            raise
        assert len(found) == wanted
        return iter(found)

    async def _read(self) -> list[Any]:
        found: list[Any] = []
        while True:
            await self._ready()
            while not self._libpq.is_busy():
                result = self._libpq.get_result()
                if result is None:
                    continue
                if result.status == pq.ExecStatus.PIPELINE_SYNC:
                    return found
                found.append(result)

    async def _end(self) -> None:
        try:
            async with asyncio.timeout(_CLOSING):
                await self.connection.cancel_safe(timeout=_CLOSING)
                await self._read()
            self._libpq.exit_pipeline_mode()
        except (psycopg.Error, TimeoutError, asyncio.CancelledError):
            await self.connection.close()

    async def _ready(self) -> None:
        """Until all is sent and there is something to read."""
        libpq, loop = self._libpq, asyncio.get_running_loop()
        unsent = libpq.flush()
        if not unsent:
            libpq.consume_input()
        while unsent or libpq.is_busy():
            woken = loop.create_future()
            socket = libpq.socket
            loop.add_reader(socket, _wake, woken)
            if unsent:
                loop.add_writer(socket, _wake, woken)
            try:
                await woken
            finally:
                loop.remove_reader(socket)
                if unsent:
                    loop.remove_writer(socket)
            libpq.consume_input()
            unsent = libpq.flush()

    def _answer(self, result: Any) -> Answer | Exception | None:
        if result.status == pq.ExecStatus.PIPELINE_ABORTED:
            return None
        if result.status not in _OK:
            return error_from_result(result, self.connection.info.encoding)
        self._types.set_pgresult(result)
        rows = self._types.load_rows(0, result.ntuples, tuple) if result.ntuples else []
        changed = result.command_tuples
        types = [result.ftype(place) for place in range(result.nfields)]
        return Answer(rows, -1 if changed is None else changed, types)


_numbers = itertools.count()


def _wake(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


def link(connection: psycopg.AsyncConnection[Any]) -> Link:
    """Kept on the connection, and gone with it."""
    known: Link | None = vars(connection).get("recuerda_link")
    if known is None:
        known = vars(connection)["recuerda_link"] = Link(connection)
    return known
