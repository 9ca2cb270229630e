"""The schema's history: it ends at the models, keeps what was there, and runs once however many start."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from recuerda.db import Database
from recuerda.errors import SetupError
from recuerda.migrations import migrate, revision
from tests.conftest import make_settings
from tests.migrations.first import ROWS
from tests.processes import RECUERDA


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database."""
    if request.param == "sqlite":
        return make_settings(tmp_path).database
    return make_settings(tmp_path, database_url=request.getfixturevalue("postgres_url")).database


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    yield database
    await database.close()


def _differences(connection: sa.Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    found: list[Any] = compare_metadata(context, SQLModel.metadata)
    return found


async def test_the_migrations_end_at_the_models(db: Database) -> None:
    await migrate(db)
    async with db.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    present, newest = await revision(db)
    assert present == newest


def _table(connection: sa.Connection, name: str) -> sa.Table:
    return sa.Table(name, sa.MetaData(), autoload_with=connection)


def _fill(connection: sa.Connection) -> None:
    for name, row in ROWS:
        connection.execute(_table(connection, name).insert().values(_plain(connection, name, row)))


def _plain(connection: sa.Connection, name: str, row: dict[str, Any]) -> dict[str, Any]:
    """As a reflected table takes it: SQLite knows neither JSON nor zones."""
    columns = _table(connection, name).columns
    return {
        key: value.replace(tzinfo=None)
        if hasattr(value, "tzinfo") and not getattr(columns[key].type, "timezone", False)
        else value
        for key, value in row.items()
    }


def _kept(connection: sa.Connection) -> list[tuple[str, dict[str, Any], Any]]:
    """(table, what was put in, what is there now); columns that a later schema dropped are left out."""
    found = []
    for name, row in ROWS:
        table = _table(connection, name)
        keys = [column.name for column in sa.inspect(SQLModel.metadata.tables[name]).primary_key]
        query = sa.select(table).where(*(table.c[key] == row[key] for key in keys))
        given = {key: v for key, v in _plain(connection, name, row).items() if key in table.c}
        now = connection.execute(query).mappings().one_or_none()
        found.append((name, given, now and {key: now[key] for key in given}))
    return found


async def test_an_upgrade_from_the_first_schema_keeps_what_is_there(db: Database) -> None:
    await migrate(db, "0001")
    async with db.engine.begin() as connection:
        await connection.run_sync(_fill)
    await migrate(db)
    async with db.engine.connect() as connection:
        kept = await connection.run_sync(_kept)
        if db.is_sqlite:
            assert (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all() == []
    assert {name for name, *_ in ROWS} == {name for name, *_ in kept}
    for name, given, now in kept:
        assert now == given, name


async def test_the_database_still_refuses_words_nobody_said(db: Database) -> None:
    """Making a table anew, as SQLite's migrations do, drops its triggers; they must be back."""
    await migrate(db, "0001")
    async with db.engine.begin() as connection:
        await connection.run_sync(_fill)
    await migrate(db)
    with pytest.raises(sa.exc.DBAPIError, match="word for word"):
        async with db.engine.begin() as connection:
            await connection.execute(sa.text("UPDATE evidence SET quote = 'talla 43'"))


async def test_a_jobs_number_is_never_used_again(db: Database) -> None:
    await migrate(db, "0001")
    async with db.engine.begin() as connection:
        await connection.run_sync(_fill)
    await migrate(db)
    if not db.is_sqlite:
        return  # a sequence there, which only ever counts up
    async with db.engine.connect() as connection:
        made = await connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'job'")
        assert "AUTOINCREMENT" in made.scalar_one()


def test_processes_that_start_at_once_migrate_once(url: str, tmp_path: Path) -> None:
    environment = {**os.environ, "RECUERDA_DATABASE_URL": url, "RECUERDA_DATA_DIR": str(tmp_path)}
    processes = [
        subprocess.Popen([*RECUERDA, "migrate"], env=environment, stderr=subprocess.PIPE) for _ in range(3)
    ]
    told = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], told


async def test_a_database_newer_than_the_code_is_refused_with_advice(db: Database) -> None:
    await migrate(db)
    async with db.engine.begin() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SetupError, match="newer version of Recuerda"):
        await migrate(db)
    with pytest.raises(SetupError, match="newer version of Recuerda"):
        await revision(db)
