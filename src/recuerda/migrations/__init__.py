"""The schema's history (Alembic), run by `recuerda migrate` and at start-up."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from recuerda.db import Database

_LOCK = 7_268_437_842  # any number, the same in every process: one migrates, the others wait


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


async def migrate(db: Database, revision: str = "head") -> None:
    """Bring the database to `revision`; safe to call from several processes at once."""

    def run(connection: sa.Connection) -> None:
        command.upgrade(_config(connection), revision)

    if db.is_sqlite:
        async with db.engine.connect() as connection:
            # Batch migrations re-make tables; with foreign keys on, that would delete the rows of others.
            await connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            await connection.commit()
            try:
                immediate = await connection.execution_options(recuerda_begin="IMMEDIATE")
                async with immediate.begin():
                    await immediate.run_sync(run)
            finally:
                await connection.exec_driver_sql("PRAGMA foreign_keys=ON")
                await connection.commit()
        return
    async with db.engine.begin() as connection:
        await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.run_sync(run)


async def revision(db: Database) -> tuple[str | None, str | None]:
    """(the database's revision, the newest there is)."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    def look(connection: sa.Connection) -> Any:
        return MigrationContext.configure(connection).get_current_revision()

    async with db.engine.connect() as connection:
        present = await connection.run_sync(look)
    return present, ScriptDirectory.from_config(_config()).get_current_head()
