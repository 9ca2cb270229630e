"""Facts found with a model, over HTTP: what only one reader believes waits, and the model may be away."""

import logging

import pytest

from recuerda.errors import Unavailable
from recuerda.settings import Settings
from tests.conftest import run_shop
from tests.fakes import FakeModel
from tests.test_llm import OpenAIServer, model_at, server

__all__ = ["server"]


@pytest.fixture
def heard(settings: Settings) -> Settings:
    """The model has a say in nearly everything."""
    return settings.model_copy(update={"extractor": "llm", "extractor_trust": 6.0})


async def test_what_only_the_model_believes_is_proposed(heard: Settings) -> None:
    model = FakeModel('{"1": "preference", "2": "fit"}')
    async with run_shop(heard, model=model) as shop:
        conversation = await shop.open(locale="en-GB")
        await shop.say(conversation, "What a lovely morning. I wear size 42")
        await shop.settle(conversation)
        customer = await shop.customer_of(conversation)
        [sure] = await shop.facts(customer, status="active")
        [doubted] = await shop.facts(customer, status="proposed")
    assert (sure["attribute"], sure["value"], sure["review"]) == ("shoe_size", "42", "not_needed")
    assert (doubted["statement"], doubted["review"]) == ("What a lovely morning", "needed")
    assert len(model.asked) == 1


async def test_the_conversation_tells_what_finding_facts_took(heard: Settings, server: OpenAIServer) -> None:
    server.say = '{"1": "fit"}'
    server.usage = {"prompt_tokens": 400, "completion_tokens": 7, "total_tokens": 407}
    priced = heard.model_copy(update={"llm_input_price": 2.0, "llm_output_price": 8.0})
    async with run_shop(priced, model=model_at(server)) as shop:
        conversation = await shop.open(locale="en-GB")
        await shop.say(conversation, "I wear size 42")
        await shop.settle(conversation)
        view = (await shop.http.get(f"/v1/conversations/{conversation}")).json()
    assert view["usage"] == {
        "calls": 1,
        "input_tokens": 400,
        "output_tokens": 7,
        "cost": pytest.approx((400 * 2.0 + 7 * 8.0) / 1_000_000),
        "estimated": False,
    }


async def test_without_the_model_the_embedded_engine_finds_the_facts_and_the_log_says_so(
    heard: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    model = FakeModel(Unavailable("The model fake did not answer."))
    async with run_shop(heard, model=model) as shop:
        conversation = await shop.open(locale="en-GB")
        with caplog.at_level(logging.WARNING, "recuerda"):
            await shop.say(conversation, "I wear size 42")
            await shop.settle(conversation)
        [fact] = await shop.facts(await shop.customer_of(conversation))
    assert (fact["attribute"], fact["value"], fact["status"]) == ("shoe_size", "42", "active")
    assert len(model.asked) == 1
    assert "using the embedded one" in caplog.text
    assert "size 42" not in caplog.text
