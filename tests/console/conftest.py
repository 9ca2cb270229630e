"""An agent's browser without a browser: cookies, forms, pages."""

import re
from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest

from recuerda.access.agents import create_agent
from tests.conftest import Shop

EMAIL, PASSWORD = "agent@example.com", "correct horse battery"


class Console:
    def __init__(self, shop: Shop, http: httpx.AsyncClient) -> None:
        self.shop = shop
        self.http = http

    async def get(self, path: str, status: int = 200) -> str:
        response = await self.http.get(path)
        assert response.status_code == status, response.text
        return response.text

    async def post(self, path: str, *, on: str, status: int = 303, **fields: str) -> httpx.Response:
        """Send a form of the page `on`, with that page's CSRF token."""
        data = {"csrf": csrf_of(await self.get(on)), **fields}
        response = await self.http.post(path, data=data)
        assert response.status_code == status, response.text
        return response

    async def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
        csrf = csrf_of(await self.get("/console/sign-in"))
        return await self.http.post(
            "/console/sign-in", data={"email": email, "password": password, "csrf": csrf}
        )


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page
    return unescape(found[1])


@pytest.fixture
async def stranger(shop: Shop) -> AsyncIterator[Console]:
    """Somebody with a browser who is not signed in."""
    async with shop.recuerda.db.write() as session:
        await create_agent(session, EMAIL, "Ana", PASSWORD, "admin")
    transport = httpx.ASGITransport(app=shop.app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers={"Accept-Language": "en"}, timeout=60
    ) as http:
        yield Console(shop, http)


@pytest.fixture
async def console(stranger: Console) -> Console:
    assert (await stranger.sign_in()).status_code == 303
    return stranger
