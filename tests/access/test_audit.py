"""The audit log grows, is found by customer and by actor, and outlives everybody."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from recuerda.access import audit
from recuerda.db import Database, Session
from recuerda.migrations import migrate
from recuerda.models import AuditEntry, now
from tests.conftest import make_settings

ANA, CARLA, DIEGO = "ana@example.com", "cus_carla", "cus_diego"


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    given = {} if request.param == "sqlite" else {"database_url": request.getfixturevalue("postgres_url")}
    database = Database(make_settings(tmp_path, **given).database)
    await migrate(database)
    return database


async def run(session: Session, statement: str) -> None:
    await (await session.connection()).execute(sa.text(statement))


def _note(session: Session, **given: str) -> None:
    audit.note(session, **{"actor": ANA, "action": "customer.read", "customer_id": CARLA, **given})


async def test_entries_are_found_newest_first_by_customer_and_actor(db: Database) -> None:
    async with db.write() as session:
        _note(session)
        _note(session, customer_id=DIEGO, address="192.0.2.7")
        _note(session, actor="key 1", action="customer.export")
    async with db.read() as session:
        newest, *older = await audit.find(session)
        assert (newest.actor, newest.action) == ("key 1", "customer.export")
        assert [e.customer_id for e in older] == [DIEGO, CARLA]
        assert [e.address for e in await audit.find(session, customer_id=DIEGO)] == ["192.0.2.7"]
        assert len(await audit.find(session, actor=ANA)) == 2
        assert [e.id for e in await audit.find(session, after=older[0].id)] == [older[1].id]
    await db.engine.dispose()


async def test_reading_again_is_one_reading(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(*customers: str, **given: str) -> int:
        async with db.write() as session:
            await audit.saw(
                session,
                **{"actor": ANA, "action": "customer.read", "customer_ids": customers, **given},  # type: ignore[arg-type]
            )
        async with db.read() as session:
            return len(await audit.find(session))

    assert await look(CARLA) == 1
    assert await look(CARLA) == 1
    assert await look(CARLA, DIEGO) == 2
    assert await look(CARLA, actor="bea@example.com") == 3
    assert await look(CARLA, address="192.0.2.7") == 4
    later = now() + audit.ONE_READING + timedelta(seconds=1)
    monkeypatch.setattr(audit, "now", lambda: later)
    assert await look(CARLA) == 5
    await db.engine.dispose()


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("UPDATE audit_entry SET actor = 'nobody'", "not changed"),
        ("DELETE FROM audit_entry", "at least 90 days"),
        ("DELETE FROM audit_entry WHERE actor = 'young'", "at least 90 days"),
        ("TRUNCATE audit_entry", "not changed"),
    ],
)
async def test_the_database_refuses_to_change_it(db: Database, statement: str, refusal: str) -> None:
    async with db.write() as session:
        _note(session, actor="young")
        session.add(AuditEntry(actor="old", action="x", at=now() - timedelta(days=91)))
        session.add(AuditEntry(actor="newish", action="x", at=now() - timedelta(days=89)))
    if not (db.is_sqlite and "TRUNCATE" in statement):
        with pytest.raises(sa.exc.DBAPIError, match=refusal):
            async with db.write() as session:
                await run(session, statement)
    async with db.write() as session:
        await run(session, "DELETE FROM audit_entry WHERE actor = 'old'")
    with pytest.raises(sa.exc.DBAPIError, match="at least 90 days"):
        async with db.write() as session:
            await run(session, "DELETE FROM audit_entry WHERE actor = 'newish'")
    async with db.read() as session:
        assert {e.actor for e in await audit.find(session)} == {"young", "newish"}
    await db.engine.dispose()
