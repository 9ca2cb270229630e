"""PostgreSQL through libpq: many tasks' reads on one connection, and transactions that stay whole."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Database, run, together
from recuerda.migrations import migrate
from recuerda.models import Customer, Job
from recuerda.settings import Settings

_NAMED = sa.select(col(Customer.name)).where(col(Customer.name) == sa.bindparam("wanted"))
_DIVIDE = sa.select(sa.literal_column("1") / sa.bindparam("by", type_=sa.Integer))
_SLEEP = sa.select(sa.func.pg_sleep(sa.bindparam("seconds", type_=sa.Float)))
_JOBS = sa.select(*[col(column) for column in (Job.kind, Job.payload, Job.run_at, Job.attempts, Job.dedupe)])
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


async def test_who_stops_waiting_for_a_read_leaves_the_others_theirs(db: Database) -> None:
    async def sleep() -> None:
        async with db.read() as session:
            await run(session, _SLEEP, {"seconds": 0.3})

    sleeping, divided = asyncio.create_task(sleep()), asyncio.create_task(divide(db, 1))
    await asyncio.sleep(0.05)
    sleeping.cancel()
    assert await divided == 1
    assert await divide(db, 1) == 1


async def test_a_write_is_stopped_in_the_server_too_and_undone(db: Database) -> None:
    async def slowly() -> None:
        async with db.write() as session:
            await run(session, sa.insert(Customer), Customer(name="Ana").model_dump())
            await run(session, _SLEEP, {"seconds": 30})

    writing = asyncio.create_task(slowly())
    await asyncio.sleep(0.3)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(writing, 5)
    assert await names(db, "Ana") == []
    await add(db, "Ana")
    assert await names(db, "Ana") == ["Ana"]


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
