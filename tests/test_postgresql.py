"""PostgreSQL through libpq: many tasks' reads on one connection, and transactions that stay whole."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import postgresql
from recuerda.db import Database, Session, run, together
from recuerda.migrations import migrate
from recuerda.models import Customer, Job, now
from recuerda.settings import Settings
from recuerda.statements import Saying, form
from recuerda.work import saying

_NAMED = sa.select(col(Customer.name)).where(col(Customer.name) == sa.bindparam("wanted"))
_AMONG = sa.select(col(Customer.name)).where(col(Customer.name).in_(sa.bindparam("wanted", expanding=True)))
_DIVIDE = sa.select(sa.literal_column("1") / sa.bindparam("by", type_=sa.Integer))
_SLEEP = sa.select(sa.func.pg_sleep(sa.bindparam("seconds", type_=sa.Float)))
_PREPARED = sa.select(sa.func.count()).select_from(sa.text("pg_prepared_statements"))
_JOBS = sa.select(*[col(column) for column in (Job.kind, Job.payload, Job.run_at, Job.attempts, Job.dedupe)])
_MANY = sa.text(
    "INSERT INTO job (kind, lane, payload, state, run_at, attempts, crashes, created_at) "
    "SELECT 'index', 'index ' || n, '{}', :state, now(), 0, 0, now() "
    "FROM generate_series(1, CAST(:number AS int)) AS n"
)
_TERMINATE = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(Settings.model_validate({"database_url": postgres_url}).database)
    await migrate(database)
    yield database
    await database.close()


async def add(db: Database, name: str) -> None:
    async with db.write() as session:
        await run(session, sa.insert(Customer), Customer(name=name).model_dump())


async def names(db: Database, name: str) -> list[str]:
    async with db.read() as session:
        return (await run(session, _NAMED, {"wanted": name})).scalars()


async def divide(db: Database, by: int) -> int:
    async with db.read() as session:
        return int((await run(session, _DIVIDE, {"by": by})).scalar())


async def test_a_read_that_fails_takes_none_of_those_asked_with_it_along(db: Database) -> None:
    found = await asyncio.gather(*(divide(db, by) for by in (1, 0, 1, 0, 1)), return_exceptions=True)
    assert [answer == 1 for answer in found] == [True, False, True, False, True]
    assert isinstance(found[1], sa.exc.DataError)
    assert "1 / " in str(found[1])
    assert await divide(db, 1) == 1


async def test_a_value_that_cannot_be_sent_is_its_askers_own_fault(db: Database) -> None:
    await add(db, "Ana")
    asked = ("Ana", "Ana", "A\0na", "A\0na", "Ana", "Ana", "\ud800", "\ud800", "Ana", "Ana")
    found = await asyncio.gather(*(names(db, name) for name in asked), return_exceptions=True)
    wanted = [UnicodeEncodeError if name == "\ud800" else sa.exc.DataError for name in asked]
    for name, answer, error in zip(asked, found, wanted, strict=True):
        assert answer == ["Ana"] if name == "Ana" else isinstance(answer, error)
    with pytest.raises(sa.exc.DataError):
        async with db.write() as session:
            await run(session, sa.insert(Customer), Customer(name="Luz").model_dump())
            await together(session, (_NAMED, {"wanted": "Luz"}), (_NAMED, {"wanted": "L\0uz"}))
    assert await names(db, "Luz") == []


async def test_what_fails_again_and_again_is_prepared_once(db: Database) -> None:
    for _ in range(10):
        with pytest.raises(sa.exc.DataError):
            await divide(db, 0)
    async with db.read() as session:
        assert (await run(session, _PREPARED)).scalar() <= 2


async def test_lists_of_many_lengths_do_not_fill_the_server(db: Database) -> None:
    async def ask(session: Session) -> None:
        for length in range(1, 251):
            assert await run(session, _AMONG, {"wanted": ["Ana"] * length}) == [("Ana",)]
        assert (await run(session, _PREPARED)).scalar() <= 210

    await add(db, "Ana")
    async with db.read() as session:
        await ask(session)
    async with db.write() as session:
        await run(session, sa.insert(Customer), Customer(name="Luz").model_dump())
        await ask(session)
    assert await names(db, "Luz") == ["Luz"]


async def test_what_was_prepared_before_a_table_changed_is_prepared_anew(db: Database) -> None:
    await add(db, "Ana")
    assert await names(db, "Ana") == ["Ana"]
    async with db.engine.begin() as other:
        await other.execute(sa.text("ALTER TABLE customer ALTER COLUMN name TYPE varchar(300)"))
    with pytest.raises(sa.exc.NotSupportedError):
        await names(db, "Ana")
    assert await names(db, "Ana") == ["Ana"]


async def test_of_errors_nobody_waits_for_nothing_is_logged(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def both(first: sa.Executable, values: dict[str, float]) -> None:
        async with db.read() as session:
            await together(session, (first, values), (_DIVIDE, {"by": 0}))

    with pytest.raises(sa.exc.DataError):
        await both(_DIVIDE, {"by": 0})
    asking = asyncio.create_task(both(_SLEEP, {"seconds": 0.2}))
    await asyncio.sleep(0.1)
    asking.cancel()
    assert [await divide(db, 1) for _ in range(3)] == [1, 1, 1]
    await asyncio.sleep(0.3)
    gc.collect()
    assert caplog.records == []


async def test_a_connection_that_was_closed_is_forgotten(db: Database) -> None:
    async with db.write() as session:
        await run(session, _DIVIDE, {"by": 1})
        kept = weakref.ref(await session.driver())
    del session
    await db.engine.dispose()
    gc.collect()
    assert kept() is None


async def test_who_stops_waiting_for_a_read_leaves_the_others_theirs(db: Database) -> None:
    async def sleep() -> None:
        async with db.read() as session:
            await run(session, _SLEEP, {"seconds": 0.3})

    sleeping, divided = asyncio.create_task(sleep()), asyncio.create_task(divide(db, 1))
    await asyncio.sleep(0.05)
    sleeping.cancel()
    assert await divided == 1
    assert await divide(db, 1) == 1


@pytest.mark.parametrize("told", [1, 3])
async def test_a_write_that_is_told_to_stop_is_stopped_in_the_server_too_and_undone(
    db: Database, told: int
) -> None:
    async def slowly() -> None:
        async with db.write() as session:
            await run(session, sa.insert(Customer), Customer(name="Ana").model_dump())
            await run(session, _SLEEP, {"seconds": 30})

    writing = asyncio.create_task(slowly())
    await asyncio.sleep(0.3)
    for _ in range(told):
        writing.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(writing), 5)
    assert writing.cancelled()
    await add(db, "Luz")
    assert (await names(db, "Ana"), await names(db, "Luz")) == ([], ["Luz"])


async def test_a_write_that_fails_is_undone_and_its_connection_used_again(db: Database) -> None:
    for _ in range(8):  # also once the statements are prepared
        with pytest.raises(sa.exc.DataError):
            async with db.write() as session:
                await run(session, sa.insert(Customer), Customer(name="Ana").model_dump())
                await together(session, (_DIVIDE, {"by": 1}), (_DIVIDE, {"by": 0}), (_DIVIDE, {"by": 1}))
        async with db.write() as session:
            session.add(Customer(name="Luz"))
            assert (await run(session, _NAMED, {"wanted": "Luz"})).first()  # both ways in one transaction
    assert await names(db, "Ana") == []
    assert await names(db, "Luz") == ["Luz"] * 8


async def test_a_server_that_went_away_is_found_again(db: Database) -> None:
    await add(db, "Ana")
    assert await names(db, "Ana") == ["Ana"]
    async with db.engine.connect() as other:
        await other.execute(_TERMINATE)
    for _ in range(5):
        try:
            assert await names(db, "Ana") == ["Ana"]
            await add(db, "Luz")
            break
        except sa.exc.OperationalError:  # what was told to a connection that ended
            await asyncio.sleep(0.1)
    assert await names(db, "Luz") == ["Luz"]


async def test_values_come_back_as_they_went(db: Database) -> None:
    at = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
    job = Job(kind="é", lane="l", payload={"a": [1, "ñ", None, True, 2.5]}, run_at=at, attempts=70_000)
    async with db.write() as session:
        await run(session, sa.insert(Job).returning(col(Job.id)), job.model_dump(exclude={"id"}))
        [straight] = await run(session, _JOBS)
    async with db.read() as session:
        read = (await session.exec(select(Job))).one()
    assert straight == ("é", job.payload, at, 70_000, None)
    assert (read.kind, read.payload, read.run_at, read.attempts, read.dedupe) == straight


async def test_a_read_that_takes_too_long_ends_for_it_holds_up_others(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recuerda.db._LONGEST", 1)
    db = Database(Settings.model_validate({"database_url": postgres_url}).database)
    try:
        async with db.read() as session:
            with pytest.raises(sa.exc.DBAPIError, match="statement timeout"):
                await run(session, _SLEEP, {"seconds": 20.0})
        assert await divide(db, 1) == 1
    finally:
        await db.close()


@pytest.mark.parametrize("statement", [saying.NEXT, saying.NEXT_TOGETHER, saying.READY_KINDS])
async def test_a_backlog_is_not_compared_with_itself(db: Database, statement: Any) -> None:
    """However sure PostgreSQL is, from when it last looked, that nothing waits."""
    async with db.write() as session:
        connection = await session.connection()
        for state, number in (("done", 5000), ("ready", 500)):
            await connection.execute(_MANY, {"state": state, "number": number})
            if state == "done":
                await connection.execute(sa.text("ANALYZE job"))
        wanted = {
            "now": now(),
            "kind": "index",
            "kinds": ["index"],
            "together": [],
            "suspect": False,
            "most": 9,
        }
        of_it = {name: value for name, value in wanted.items() if name in statement.compile().params}
        said = form(statement, postgresql.DIALECT, of_it).bind(of_it)
        explained = Saying(f"EXPLAIN {said.sql}", said.values)
        [answer] = await postgresql.link(await session.driver()).ask([explained])
    plan = [step for (step,) in answer.rows]
    assert not [step for step in plan if "Join" in step or "Loop" in step]
    assert [step for step in plan if "lane" in step and "Index Cond" in step]
