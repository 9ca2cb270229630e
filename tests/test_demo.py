"""The demo: loaded once, found loaded the next time, and loading it again changes nothing."""

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, select

from recuerda import demo
from recuerda.app import Recuerda, running
from recuerda.settings import Settings


async def _counts(recuerda: Recuerda) -> dict[str, int]:
    async with recuerda.db.read() as session:
        return {
            name: (await session.exec(select(sa.func.count()).select_from(table))).one()
            for name, table in SQLModel.metadata.tables.items()
            if name != "job"
        }


async def test_loading_twice_changes_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = demo.people()
    monkeypatch.setattr(demo, "people", lambda: everybody[:2])
    async with running(settings, work=False) as recuerda:
        assert not await demo.is_loaded(recuerda.db)
        await demo.load(recuerda, lambda _: None)
        first, login = await _counts(recuerda), await demo.login(recuerda.db, settings)
        assert await demo.is_loaded(recuerda.db)
        assert min(first[name] for name in ("fact", "evidence", "memory", "message", "passage")) > 10
        await demo.load(recuerda, lambda _: None)
        again = await _counts(recuerda)
        assert {**first, "agent": 1} == again
        assert login.password
        assert await demo.login(recuerda.db, settings) == login
