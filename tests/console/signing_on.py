"""A browser that goes to the provider and back."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import select

from recuerda.access import agents, audit
from recuerda.access.agents import create_agent
from recuerda.console.texts import texts
from recuerda.models import Agent, AgentSession, AuditEntry
from tests.conftest import Shop, make_settings, run_shop
from tests.console.conftest import EMAIL, PASSWORD, Console
from tests.console.provider import CLIENT, SECRET, Provider, serving

HOME = "http://127.0.0.1"
START = "/console/sign-in/sso"


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    with serving(made):
        yield made


def configured(folder: Path, provider: Provider, **given: object) -> Any:
    oidc = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "public_url": HOME,
        "rate_sign_in": 0,
    }
    return make_settings(folder, **(oidc | given))


class Browser(Console):
    """Follows the redirect to the provider and brings its answer back."""

    async def set_out(self, next: str = "") -> str:
        """Where the console sends the browser."""
        response = await self.http.get(START, params={"next": next} if next else {})
        assert response.status_code == 303
        return response.headers["location"]

    async def answered(self, address: str) -> str:
        """Where the provider sends the browser back to."""
        async with httpx.AsyncClient() as outside:
            response = await outside.get(address)
        assert response.status_code == 302, response.text
        return response.headers["location"]

    async def sign_on(self, next: str = "") -> httpx.Response:
        return await self.http.get(await self.answered(await self.set_out(next)))

    async def is_in(self) -> bool:
        return (await self.http.get("/console/review")).status_code == 200

    async def everybody(self) -> list[Agent]:
        async with self.shop.recuerda.db.read() as session:
            return await agents.every(session)

    async def log(self) -> list[AuditEntry]:
        async with self.shop.recuerda.db.read() as session:
            return await audit.find(session)


async def refused(browser: Browser, response: httpx.Response, why: str, case: object = "") -> None:
    """Nobody is in, and the sign-in page says why."""
    assert response.status_code == 303, case
    assert response.headers["location"].split("&")[0] == f"/console/sign-in?sso={why}", case
    assert not await browser.is_in()
    async with browser.shop.recuerda.db.read() as session:
        assert not (await session.exec(select(AgentSession))).all()
    page = await browser.get(response.headers["location"])
    assert texts("en")[f"sign_in.sso.{why}"] in page


async def browsing(shop: Shop) -> AsyncIterator[Browser]:
    async with shop.recuerda.db.write() as session:
        await create_agent(session, EMAIL, "Ana", PASSWORD, "reviewer", special=True)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=shop.app),
        base_url=HOME,
        headers={"Accept-Language": "en"},
        timeout=60,
    ) as http:
        yield Browser(shop, http)


@pytest.fixture
async def browser(tmp_path: Path, provider: Provider) -> AsyncIterator[Browser]:
    async with run_shop(configured(tmp_path, provider)) as shop:
        async for one in browsing(shop):
            yield one


@pytest.fixture
async def with_roles(tmp_path: Path, provider: Provider) -> AsyncIterator[Browser]:
    async with run_shop(configured(tmp_path, provider, oidc_role_claim="roles")) as shop:
        async for one in browsing(shop):
            yield one
