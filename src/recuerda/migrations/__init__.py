"""The schema's history (Alembic), run by `recuerda migrate` and at start-up.

Forward only: the way back is the backup made before.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from recuerda.db import Database
from recuerda.errors import SetupError

_LOCK = 7_268_437_842  # any number, the same in every process: one migrates, the others wait


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


async def migrate(db: Database, revision: str = "head") -> None:
    """Bring the database to `revision`; safe to call from several processes at once: one migrates, the
    others wait for SQLite's write lock or PostgreSQL's advisory lock and find it done.

    Raises SetupError when the database was made by a newer version.
    """

    def run(connection: sa.Connection) -> None:
        _present(connection)
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
    """(the database's revision, the newest there is). Raises SetupError when a newer version made it."""
    async with db.engine.connect() as connection:
        present = await connection.run_sync(_present)
    return present, ScriptDirectory.from_config(_config()).get_current_head()


def _present(connection: sa.Connection) -> str | None:
    present = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if present is not None and present not in known:
        raise SetupError(
            f"The database is at revision {present}, of a newer version of Recuerda than this one. "
            "Install that version, or restore the backup made before it was first started."
        )
    return present
