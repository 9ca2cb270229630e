"""Leaving no deleted words in the database's files.

SQLite overwrites what is deleted (`secure_delete`); its log is folded in and cut to nothing. PostgreSQL
only marks it: small tables are written anew, which drops the old file; large ones are vacuumed, and
their free space holds the old bytes until it is used again.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from recuerda.db import Database

# Writing a table anew keeps everybody waiting: 64 MB take about half a second.
REWRITTEN_BYTES = 64 * 1024 * 1024
_PATIENCE = "5s"


async def scrub(db: Database, tables: Sequence[str]) -> dict[str, Any]:
    """What was done to the files of these tables: for the receipt."""
    if db.is_sqlite:
        await db.scrub()
        return {"overwritten": True}
    rewritten: list[str] = []
    vacuumed: list[str] = []
    async with db.engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        for table in tables:
            done = await _rewrite(connection, table)
            if not done:
                await connection.execute(sa.text(f'VACUUM "{table}"'))
            (rewritten if done else vacuumed).append(table)
        try:
            await connection.execute(sa.text("SELECT pg_switch_wal()"))
            await connection.execute(
                sa.text("CHECKPOINT")
            )  # old files go, and old log with `wal_recycle` off
            checkpoint = True
        except sa.exc.DBAPIError:
            checkpoint = False  # a right this user was not given: the server's own comes in minutes
    return {"rewritten": rewritten, "vacuumed": vacuumed, "checkpoint": checkpoint}


async def _rewrite(connection: Any, table: str) -> bool:
    """False when the table is large, or somebody would not let go of it."""
    size = sa.text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
    if (await connection.execute(size, {"name": f'"{table}"'})).scalar_one() > REWRITTEN_BYTES:
        return False
    await connection.execute(sa.text(f"SET lock_timeout = '{_PATIENCE}'"))
    try:
        await connection.execute(sa.text(f'VACUUM FULL "{table}"'))
    except sa.exc.OperationalError:
        return False
    finally:
        await connection.execute(sa.text("RESET lock_timeout"))
    return True
