"""/readyz tells the truth about each part, with that part broken."""

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from recuerda.models import WorkerBeat, now
from recuerda.settings import Settings
from recuerda.work import SILENT
from tests.conftest import Shop, run_shop


async def ready(shop: Shop, status: int = 200) -> dict[str, Any]:
    response = await shop.http.get("/readyz")
    assert response.status_code == status, response.text
    view: dict[str, Any] = response.json()
    return view


async def until(shop: Shop, *degraded: str) -> None:
    for _ in range(400):
        if (view := await ready(shop))["degraded"] == list(degraded):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(view)


async def test_all_is_well(shop: Shop) -> None:
    await until(shop)
    assert set((await ready(shop))["parts"]) == {"database", "migrations", "memory", "worker", "engine"}


async def test_without_a_worker_it_serves_and_says_so(settings: Settings) -> None:
    async with run_shop(settings.model_copy(update={"worker": False})) as shop:
        await until(shop, "worker")
        async with shop.recuerda.db.write() as session:
            session.add(WorkerBeat(id="elsewhere"))
        await until(shop)
        async with shop.recuerda.db.write() as session:  # it died without a word
            await session.exec(sa.update(WorkerBeat).values(seen_at=now() - SILENT))
        await until(shop, "worker")


async def test_without_the_index_it_serves_from_sql_and_says_so(
    settings: Settings,
) -> None:
    blocked = settings.data_dir / "chroma"
    settings.data_dir.mkdir(parents=True)
    blocked.write_text("not a folder")
    async with run_shop(settings) as shop:
        await until(shop, "memory")
        conversation = await shop.open()
        assert (await shop.say(conversation, "Hola"))["reply"]
    blocked.unlink()


async def test_an_older_or_newer_schema_is_not_ready(shop: Shop) -> None:
    for revision in ("0001", "9999"):
        async with shop.recuerda.db.write() as session:
            await (await session.connection()).execute(
                sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
            )
        view = await ready(shop, 503)
        assert (view["ready"], view["degraded"]) == (False, ["migrations"])


async def test_without_the_database_it_is_not_ready(
    settings: Settings, postgres: Path, postgres_url: str
) -> None:
    name = postgres_url.partition("@/")[2].partition("?")[0]
    async with run_shop(settings.model_copy(update={"database_url": postgres_url})) as shop:
        await until(shop)
        with psycopg.connect(
            host=str(postgres), user="postgres", dbname="postgres", autocommit=True
        ) as admin:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            view = await ready(shop, 503)
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
        assert (view["ready"], view["parts"]["database"]["ok"]) == (False, False)
        await until(shop)  # and it is back by itself


async def test_it_starts_and_keeps_messages_while_the_embeddings_endpoint_is_down(settings: Settings) -> None:
    nowhere = {"embeddings": "openai", "llm_base_url": "http://127.0.0.1:9/v1", "llm_retries": 0}
    async with run_shop(settings.model_copy(update=nowhere)) as shop:
        assert (await ready(shop))["ready"]
        talk = (await shop.http.post("/v1/conversations", json={"customer": {"external_id": "a"}})).json()
        path = f"/v1/conversations/{talk['id']}/messages"
        answer = await shop.http.post(path, json={"text": "I take a 42"})
        assert answer.status_code == 503
        assert "saved" in answer.json()["detail"]
        assert [m["text"] for m in (await shop.http.get(path)).json()["items"]] == ["I take a 42"]
