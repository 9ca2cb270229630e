"""Consent: off until it is given, the newest word counts, and a merge carries it along."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recuerda import consent, customers
from recuerda.db import Database
from recuerda.migrations import migrate
from recuerda.models import Customer, Purpose
from tests.conftest import make_settings


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(make_settings(tmp_path).database)
    await migrate(database)
    yield database
    await database.close()


async def customer(db: Database) -> str:
    async with db.write() as session:
        made = Customer()
        session.add(made)
        return made.id


async def test_only_the_service_goes_without_asking(db: Database) -> None:
    id = await customer(db)
    async with db.read() as session:
        assert await consent.standing(session, id) == {
            Purpose.SERVICE: True,
            Purpose.MARKETING: False,
            Purpose.SPECIAL: False,
        }


async def test_the_newest_word_counts_and_the_older_ones_are_kept(db: Database) -> None:
    id = await customer(db)
    async with db.write() as session:
        await consent.give(session, id, Purpose.MARKETING, how="console", actor="ana@example.com")
        assert await consent.has(session, id, Purpose.MARKETING)
        await consent.withdraw(session, id, Purpose.MARKETING, how="chat", actor="customer")
    async with db.read() as session:
        assert not await consent.has(session, id, Purpose.MARKETING)
        assert [c.given for c in await consent.history(session, id)] == [False, True]


async def test_a_merge_carries_it_along_and_gives_it_back(db: Database) -> None:
    one, other = await customer(db), await customer(db)
    async with db.write() as session:
        await consent.give(session, other, Purpose.SPECIAL, how="chat", actor="customer")
        merge = await customers.merge(session, one, other, actor="ana")
        assert await consent.has(session, one, Purpose.SPECIAL)
        await customers.unmerge(session, merge.id)
    async with db.read() as session:
        assert not await consent.has(session, one, Purpose.SPECIAL)
        assert await consent.has(session, other, Purpose.SPECIAL)
