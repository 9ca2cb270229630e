"""Both databases, migrated, and small jobs to put into them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from recuerda import work
from recuerda.db import Database, Session
from recuerda.migrations import migrate
from recuerda.models import Job
from recuerda.work import Write, enqueue
from tests.conftest import make_settings


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    given = {}
    if request.param == "postgresql":
        given["database_url"] = request.getfixturevalue("postgres_url")
    database = Database(make_settings(tmp_path, **given).database)
    await migrate(database)
    yield database
    await database.close()


async def put(db: Database, lane: str, n: int, **options: Any) -> int | None:
    async with db.write() as session:
        return await enqueue(session, "note", lane=lane, payload={"n": n}, **options)


async def jobs(db: Database) -> list[Job]:
    async with db.read() as session:
        return list((await session.exec(select(Job).order_by(col(Job.id)))).all())


def noting(done: list[int], pause: float = 0.0) -> work.Handler:
    async def handle(payload: Mapping[str, Any]) -> Write | None:
        await asyncio.sleep(pause)

        async def write(_: Session) -> None:
            done.append(payload["n"])

        return write

    return handle
