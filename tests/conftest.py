"""What every test may use. Real parts throughout; only the language model is a fake."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from recuerda.api.server import create_app
from recuerda.app import Recuerda
from recuerda.llm import ChatModel
from recuerda.settings import Settings
from tests.servers import chroma_url, postgres, postgres_url

__all__ = ["chroma_url", "postgres", "postgres_url"]

KEY = "test-key-of-the-brand"

for _name in [n for n in os.environ if n.startswith(("RECUERDA_", "OPENAI_"))]:
    del os.environ[_name]


def make_settings(data_dir: Path, **given: object) -> Settings:
    return Settings.model_validate({"data_dir": data_dir, "api_keys": KEY, "brand": "Vereda", **given})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "data")


class Shop:
    """A running Recuerda with an HTTP client of the brand's server."""

    def __init__(self, app: FastAPI, http: httpx.AsyncClient) -> None:
        self.app = app
        self.http = http

    @property
    def recuerda(self) -> Recuerda:
        running: Recuerda = self.app.state.recuerda
        return running

    async def open(self, customer: str = "runner", locale: str = "es-CO", channel: str = "web") -> str:
        response = await self.http.post(
            "/v1/conversations",
            json={"channel": channel, "customer": {"external_id": customer}, "locale": locale},
        )
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    async def say(self, conversation: str, text: str) -> dict[str, Any]:
        response = await self.http.post(f"/v1/conversations/{conversation}/messages", json={"text": text})
        assert response.status_code == 201, response.text
        body: dict[str, Any] = response.json()
        return body

    async def customer_of(self, conversation: str) -> str:
        return str((await self.http.get(f"/v1/conversations/{conversation}")).json()["customer_id"])

    async def facts(self, customer_id: str, **query: str) -> list[dict[str, Any]]:
        response = await self.http.get(f"/v1/customers/{customer_id}/facts", params=query)
        assert response.status_code == 200, response.text
        items: list[dict[str, Any]] = response.json()["items"]
        return items

    async def settle(self, conversation: str, seconds: float = 10.0) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            view = (await self.http.get(f"/v1/conversations/{conversation}")).json()
            if view["memory"] == "settled":
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the conversation's memory did not settle")


@asynccontextmanager
async def run_shop(
    settings: Settings, *, model: ChatModel | None = None, demo: bool = False, helped: bool = False
) -> AsyncIterator[Shop]:
    app = create_app(settings, model=model, demo=demo, helped=helped)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 50000))
        async with httpx.AsyncClient(
            transport=transport,
            base_url="http://127.0.0.1",
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=60,
        ) as http:
            yield Shop(app, http)


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[Shop]:
    async with run_shop(settings) as running:
        yield running


@pytest.fixture
async def stocked(settings: Settings) -> AsyncIterator[Shop]:
    """A shop with the sample knowledge."""
    from recuerda.demo import load_knowledge

    async with run_shop(settings) as running:
        await load_knowledge(running.recuerda)
        yield running
