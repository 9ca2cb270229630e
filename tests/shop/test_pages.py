"""The shop's pages without a browser: complete in three languages, and a chat for the right person."""

from collections.abc import AsyncIterator
from xml.etree import ElementTree

import httpx
import pytest

from recuerda.language import LANGUAGES
from recuerda.settings import Settings
from recuerda.shop import catalogue, drawings
from tests.conftest import Shop, run_shop


@pytest.fixture
async def demo(settings: Settings) -> AsyncIterator[Shop]:
    async with run_shop(settings, demo=True) as shop:
        yield shop


@pytest.fixture
async def visitor(demo: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody, without the brand's key."""
    transport = httpx.ASGITransport(app=demo.app, client=("127.0.0.1", 50001))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", follow_redirects=True
    ) as http:
        yield http


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_in_every_language(visitor: httpx.AsyncClient, language: str) -> None:
    await visitor.get("/shop", params={"lang": language})
    paths = ["/shop", "/shop/help"]
    paths += [product.url for product in catalogue.products().values()]
    paths += [article.url for article in catalogue.articles().values()]
    for path in paths:
        response = await visitor.get(path)
        assert response.status_code == 200, path
        assert f'<html lang="{language}">' in response.text
        assert "<built-in" not in response.text


def test_every_product_has_a_drawing() -> None:
    for product in catalogue.products().values():
        image = ElementTree.fromstring(drawings.draw(product))
        assert len(image) > 3
        assert not [part for part in image.iter() if "style" in part.attrib]


def test_every_price_is_in_the_persons_currency() -> None:
    for person in catalogue.people().values():
        currency = catalogue.currency_of(person, "es")
        for product in catalogue.products().values():
            assert any(c.isdigit() for c in catalogue.money(product, currency))


async def test_the_chat_is_for_whom_the_visitor_says_to_be(visitor: httpx.AsyncClient, demo: Shop) -> None:
    owners = {}
    for who in ("c-1001", "c-1002", "new"):
        page = await visitor.get("/shop", params={"as": who})
        assert "as=" not in str(page.url)
        given = (await visitor.get("/shop/token")).json()
        asked = await visitor.post(
            "/v1/conversations", json={}, headers={"Authorization": f"Bearer {given['token']}"}
        )
        assert asked.json()["customer_id"] == given["customer_id"]
        owners[who] = given["customer_id"]
    assert len(set(owners.values())) == 3
    found = await demo.http.get("/v1/customers", params={"external_id": "c-1001"})
    assert found.json()["items"][0]["id"] == owners["c-1001"]


async def test_looking_around_makes_no_customer(visitor: httpx.AsyncClient, demo: Shop) -> None:
    page = await visitor.get("/shop", params={"as": "c-1001"})
    assert "Catalina" in page.text
    found = await demo.http.get("/v1/customers", params={"external_id": "c-1001"})
    assert found.json()["items"] == []


@pytest.mark.parametrize("path", ["/shop/products/nothing", "/shop/help/nothing", "/shop/a/b"])
async def test_what_is_not_there_is_a_page(visitor: httpx.AsyncClient, path: str) -> None:
    response = await visitor.get(path)
    assert response.status_code == 404
    assert "<h1>" in response.text


async def test_the_demos_front_door_is_the_shop(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/")).url.path == "/shop"


async def test_elsewhere_it_is_the_console(shop: Shop) -> None:
    assert (await shop.http.get("/")).headers["location"] == "/console/"
    assert (await shop.http.get("/shop")).status_code == 404  # no shop but in the demo


async def test_filters_and_bad_filters(visitor: httpx.AsyncClient) -> None:
    high = await visitor.get("/shop", params={"terrain": "trail", "arch": "high", "kind": "shoe"})
    assert "Quebrada Alta" in high.text
    assert "Meseta" not in high.text
    attack = await visitor.get("/shop", params={"terrain": '"><script>alert(1)</script>'})
    assert "<script>alert" not in attack.text
