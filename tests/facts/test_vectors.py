"""What was stated or changed by hand is put beside what the customer says, like all else that is known."""

from typing import Any

import pytest
from sqlmodel import select

from recuerda.models import Fact
from tests.conftest import Shop


async def _vectors(shop: Shop) -> dict[str, bytes | None]:
    await shop.recuerda.worker.drain()
    async with shop.recuerda.db.read() as session:
        return {fact.statement: fact.embedding for fact in await session.exec(select(Fact))}


@pytest.fixture
async def customer(shop: Shop) -> str:
    return await shop.customer_of(await shop.open())


async def _state(shop: Shop, customer: str, **fact: Any) -> str:
    made = await shop.http.post(f"/v1/customers/{customer}/facts", json=fact)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def test_a_fact_stated_by_the_brand_gets_a_vector(shop: Shop, customer: str) -> None:
    await _state(shop, customer, category="possession", statement="Owns a Labrador called Kira")
    assert (await _vectors(shop))["Owns a Labrador called Kira"] is not None


async def test_a_changed_statement_gets_a_vector_of_its_own(shop: Shop, customer: str) -> None:
    id = await _state(shop, customer, category="preference", statement="Likes black coffee")
    before = (await _vectors(shop))["Likes black coffee"]
    edit = {"decision": "edit", "statement": "Likes green tea"}
    assert (await shop.http.post(f"/v1/facts/{id}/decisions", json=edit)).status_code == 200
    after = (await _vectors(shop))["Likes green tea"]
    assert after is not None
    assert after != before
