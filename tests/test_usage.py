"""Tokens and cost of a conversation."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from recuerda.models import ModelCall, now
from recuerda.privacy.retention import Purger
from recuerda.settings import Settings
from tests.conftest import run_shop
from tests.test_llm import OpenAIServer, model_at, server

__all__ = ["server"]


@pytest.mark.parametrize("priced", [True, False])
async def test_a_conversation_tells_its_tokens_and_cost(
    settings: Settings, server: OpenAIServer, priced: bool
) -> None:
    server.usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    given: dict[str, Any] = {"engine": "llm"}
    if priced:
        given |= {"llm_input_price": 2.0, "llm_output_price": 8.0}
    async with run_shop(settings.model_copy(update=given), model=model_at(server)) as shop:
        conversation = await shop.open()
        assert (await shop.http.get(f"/v1/conversations/{conversation}")).json()["usage"] is None
        await shop.say(conversation, "Hola, ¿tienen zapatillas?")
        await shop.say(conversation, "¿Y en azul?")
        view = (await shop.http.get(f"/v1/conversations/{conversation}")).json()
        customer = await shop.customer_of(conversation)
        assert (await shop.http.delete(f"/v1/customers/{customer}")).status_code == 202
        async with shop.recuerda.db.read() as session:
            assert not (await session.exec(select(ModelCall))).all()  # goes with the customer
    cost = 2 * (1000 * 2.0 + 100 * 8.0) / 1_000_000 if priced else None
    assert view["usage"] == {
        "calls": 2,
        "input_tokens": 2000,
        "output_tokens": 200,
        "cost": pytest.approx(cost) if cost else None,
        "estimated": False,
    }


async def test_calls_go_with_a_conversation_that_is_purged(settings: Settings, server: OpenAIServer) -> None:
    given = settings.model_copy(update={"engine": "llm", "retain_conversations": 30})
    async with run_shop(given, model=model_at(server)) as shop:
        conversation = await shop.open()
        await shop.say(conversation, "Hola, ¿tienen zapatillas?")
        await shop.settle(conversation)
        purger = Purger(shop.recuerda.db, shop.recuerda.memories, given)
        assert (await purger.run(now() + timedelta(days=60)))["conversations"] == 1
        async with shop.recuerda.db.read() as session:
            assert not (await session.exec(select(ModelCall))).all()
