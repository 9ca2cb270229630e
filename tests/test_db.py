"""SQLite as we use it: writes that share a commit, and statements that do not hold up the others."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Database, fetch, run
from recuerda.migrations import migrate
from recuerda.models import Customer


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'recuerda.db'}")
    await migrate(database)
    yield database
    await database.close()


async def names(db: Database) -> set[str | None]:
    async with db.read() as session:
        return set((await session.exec(select(Customer.name))).all())


async def add(db: Database, name: str, *, fail: bool = False) -> None:
    async with db.write() as session:
        session.add(Customer(name=name))
        await session.flush()
        await asyncio.sleep(0)
        if fail:
            raise ValueError(name)


async def test_writes_that_wait_for_each_other_share_a_commit(db: Database) -> None:
    commits: list[Any] = []
    sa.event.listen(db.engine.sync_engine, "commit", commits.append)
    await asyncio.gather(*(add(db, str(n)) for n in range(20)))
    assert await names(db) == {str(n) for n in range(20)}
    assert 1 <= len(commits) < 10


async def test_a_write_that_fails_takes_no_other_with_it(db: Database) -> None:
    outcomes = await asyncio.gather(
        *(add(db, str(n), fail=n % 3 == 0) for n in range(12)), return_exceptions=True
    )
    assert [isinstance(o, ValueError) for o in outcomes] == [n % 3 == 0 for n in range(12)]
    assert await names(db) == {str(n) for n in range(12) if n % 3}


async def test_so_does_one_that_went_straight_to_the_driver(db: Database) -> None:
    async def straight(name: str, *, fail: bool) -> None:
        async with db.write() as session:
            await run(session, sa.insert(Customer), Customer(name=name).model_dump())
            await asyncio.sleep(0)
            if fail:
                raise ValueError(name)

    await asyncio.gather(*(straight(str(n), fail=n % 3 == 0) for n in range(12)), return_exceptions=True)
    assert await names(db) == {str(n) for n in range(12) if n % 3}


async def test_a_write_is_visible_as_soon_as_it_returns(db: Database) -> None:
    async def one(name: str) -> bool:
        await add(db, name)
        return name in await names(db)

    assert all(await asyncio.gather(*(one(str(n)) for n in range(10))))


async def test_who_gives_up_waiting_leaves_no_write_uncommitted(db: Database) -> None:
    inside = asyncio.Event()

    async def first() -> None:
        async with db.write() as session:
            session.add(Customer(name="first"))
            inside.set()
            await asyncio.sleep(0.05)

    writing = asyncio.create_task(first())
    await inside.wait()
    impatient = asyncio.create_task(add(db, "never"))
    await asyncio.sleep(0.01)
    asyncio.get_running_loop().call_later(0.04, impatient.cancel)
    async with asyncio.timeout(5):
        await writing
    await asyncio.gather(impatient, return_exceptions=True)
    assert "first" in await names(db)
    await add(db, "later")
    assert "later" in await names(db)


async def test_a_failed_commit_is_told_to_everybody_in_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(connection: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("sqlalchemy.ext.asyncio.AsyncConnection.commit", broken)
    outcomes = await asyncio.gather(*(add(db, str(n)) for n in range(5)), return_exceptions=True)
    assert all(isinstance(outcome, OSError) for outcome in outcomes)
    monkeypatch.undo()
    assert await names(db) == set()


async def test_a_slow_query_does_not_hold_up_the_others(db: Database) -> None:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - before)

    watching = asyncio.create_task(watch())
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000)"
    started = time.monotonic()
    async with db.read() as session:
        query = sa.text(f"SELECT * FROM ({count} SELECT sum(i) FROM n)")
        total = (await (await session.connection()).execute(query)).scalar_one()
    took = time.monotonic() - started
    watching.cancel()
    assert total == 3_000_000 * 3_000_001 // 2
    assert longest < took / 2


async def test_who_is_stopped_within_a_statement_takes_no_other_with_it(db: Database) -> None:
    begun = asyncio.Event()

    async def stopped() -> None:
        async with db.write() as session:
            begun.set()
            await session.exec(sa.delete(Customer))  # in a thread: there is time to be stopped

    stopping = asyncio.create_task(stopped())
    await begun.wait()
    waiting = asyncio.create_task(add(db, "next"))
    await asyncio.sleep(0)
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    await waiting
    assert await names(db) == {"next"}


async def test_rows_come_as_objects_that_cannot_be_changed(db: Database) -> None:
    await add(db, "Ana")
    by_name = select(Customer).where(col(Customer.name).in_(sa.bindparam("names", expanding=True)))
    async with db.read() as session:
        [ana] = await fetch(session, Customer, by_name, {"names": ["Ana", "Eva"]})
        [same] = (await session.exec(select(Customer))).all()
        assert ana.model_dump() == same.model_dump()
        assert await fetch(session, Customer, by_name, {"names": []}) == []
        with pytest.raises(AttributeError):
            ana.name = "Eva"


async def test_what_is_pending_is_known_to_the_next_statement_and_rolled_back_with_it(db: Database) -> None:
    count, rename = sa.select(sa.func.count()).select_from(Customer), sa.update(Customer).values(name="x")
    with pytest.raises(ValueError, match="no"):
        async with db.write() as session:
            session.add(Customer(name="Ana"))
            assert (await run(session, count)).scalar() == 1
            assert (await run(session, rename)).rowcount == 1
            raise ValueError("no")
    assert await names(db) == set()


async def test_an_error_of_the_driver_is_sqlalchemys(db: Database) -> None:
    async with db.write() as session:
        customer = Customer(name="Ana")
        await run(session, sa.insert(Customer), customer.model_dump())
        with pytest.raises(sa.exc.IntegrityError):
            await run(session, sa.insert(Customer), customer.model_dump())
    assert await names(db) == {"Ana"}
