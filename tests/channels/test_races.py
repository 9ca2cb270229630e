"""Many webhooks at once on PostgreSQL, where two transactions really run beside each other."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from evals.bench.twilio_server import FakeTwilio

from recuerda.channels.twilio import EMPTY
from recuerda.models import Author
from tests.channels.conftest import LUCIA, Phone
from tests.conftest import run_shop


@pytest.fixture
async def phone(
    twilio: FakeTwilio, twilio_settings: Callable[..., object], postgres_url: str
) -> AsyncIterator[Phone]:
    async with run_shop(twilio_settings(database_url=postgres_url)) as shop:  # type: ignore[arg-type]
        yield Phone(shop, twilio)


async def test_repeated_and_first_messages_at_once(phone: Phone) -> None:
    forms = [phone.form(f"Mensaje {n}") for n in range(4)]
    answers = await asyncio.gather(*(phone.post(form) for form in forms for _ in range(4)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, EMPTY)}
    messages = [m for m in await phone.messages() if m.author is Author.CUSTOMER]
    assert sorted(m.text for m in messages) == [f"Mensaje {n}" for n in range(4)]
    assert [m.position for m in messages] == list(range(4))
    assert len(await phone.conversations()) == 1
    assert len(await phone.identities()) == 1


async def test_a_known_customer_writes_twice_at_once_after_a_resolved_conversation(phone: Phone) -> None:
    await phone.send("Hola")
    (conversation,) = await phone.conversations()
    await phone.shop.http.post(f"/v1/conversations/{conversation.id}/resolve")
    await asyncio.gather(*(phone.send(f"Otra {n}") for n in range(6)))
    assert len(await phone.conversations()) == 2


async def test_replies_are_sent_once(phone: Phone) -> None:
    await phone.send("Hola")
    await phone.send("¿Hacen envíos a Medellín?")
    await phone.settle()
    assert phone.twilio.bodies(LUCIA) == [reply.text for reply in await phone.replies()]
    assert len(phone.twilio.messages) == 2
