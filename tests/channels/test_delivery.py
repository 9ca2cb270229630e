"""Sending: nothing twice, nothing lost, nothing tried for ever."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from evals.bench.twilio_server import FakeTwilio
from sqlmodel import col

from recuerda import conversations
from recuerda.channels.provider import Twilio
from recuerda.models import Author, Delivery, Job, JobState, Message, now
from recuerda.work import MAX_FAILURES, Worker
from tests.channels.conftest import LUCIA, Phone
from tests.conftest import run_shop


async def agent_says(phone: Phone, text: str) -> str:
    (conversation,) = await phone.conversations()
    message = Message(
        conversation_id=conversation.id, customer_id="", position=-1, author=Author.AGENT, text=text
    )
    async with phone.shop.recuerda.db.write() as session:
        await conversations.append(session, message)
    return message.id


async def hurry(phone: Phone) -> None:
    """Let waiting retries run now, and leases of dead workers end."""
    async with phone.shop.recuerda.db.write() as session:
        await session.exec(sa.update(Job).values(run_at=now(), lease_until=now() - timedelta(seconds=1)))


@pytest.fixture
async def known(phone: Phone) -> Phone:
    """A customer who has written and was answered; what was sent so far is put aside."""
    await phone.send("Hola")
    await phone.settle()
    phone.twilio.messages.clear()
    phone.twilio.asked = 0
    return phone


async def test_agents_messages_go_out_the_same_way(known: Phone) -> None:
    await agent_says(known, "Soy Camilo, ya reviso tu caso.")
    await known.settle()
    assert known.twilio.bodies(LUCIA) == ["Soy Camilo, ya reviso tu caso."]
    assert (await known.replies())[-1].delivery is Delivery.SENT


async def test_reply_reaches_the_number_that_wrote_and_no_other(phone: Phone) -> None:
    """A merged customer has two numbers: each conversation is answered where it came from."""
    await phone.send("Hola", sender=LUCIA)
    await phone.send("Hola", sender="+573005550999")
    one, other = await phone.conversations()
    await phone.shop.http.post(
        f"/v1/customers/{one.customer_id}/merges", json={"other_id": other.customer_id}
    )
    await phone.send("¿Hacen envíos?", sender="+573005550999")
    assert len(await phone.conversations()) == 2
    await phone.settle()
    assert len(phone.twilio.bodies(LUCIA)) == 1
    assert len(phone.twilio.bodies("+573005550999")) == 2


@pytest.mark.parametrize("reached_twilio", [True, False])
async def test_crash_between_sending_and_sent(known: Phone, reached_twilio: bool) -> None:
    """The process died after marking `sending`; the message had gone out, or not."""
    message_id = await agent_says(known, "Tu pedido sale mañana.")
    await known.change(message_id, Delivery.SENDING)
    if reached_twilio:
        known.twilio.take(LUCIA, "+14155550100", "Tu pedido sale mañana.")
    await known.settle()
    assert known.twilio.bodies() == ["Tu pedido sale mañana."]
    sent = (await known.replies())[-1]
    assert (sent.delivery, sent.external_id) == (Delivery.SENT, known.twilio.messages[0]["sid"])


async def test_worker_killed_while_twilio_answers(known: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real death: the job stays leased, another worker takes it over and finds the message sent."""
    message_id = await agent_says(known, "Un momento, por favor.")
    send = Twilio.send
    sent = asyncio.Event()

    async def sends_and_hangs(self: Twilio, address: str, body: str) -> str:
        await send(self, address, body)
        sent.set()
        await asyncio.sleep(3600)
        return ""

    monkeypatch.setattr(Twilio, "send", sends_and_hangs)
    worker = known.shop.recuerda.worker
    [[(job, _)]] = await worker._claim()
    dying = asyncio.ensure_future(worker._handlers["deliver"](job.payload))
    await sent.wait()
    dying.cancel()
    monkeypatch.setattr(Twilio, "send", send)
    await hurry(known)
    await worker.leases.reap()
    await known.settle()
    assert known.twilio.bodies() == ["Un momento, por favor."]
    async with known.shop.recuerda.db.read() as session:
        assert (await session.get_one(Message, message_id)).delivery is Delivery.SENT


async def test_same_words_twice_are_two_messages(known: Phone) -> None:
    """Looking for a message at Twilio must not take an earlier one with the same words for it."""
    await agent_says(known, "Listo.")
    await known.settle()
    message_id = await agent_says(known, "Listo.")
    await known.change(message_id, Delivery.SENDING)
    await known.settle()
    assert known.twilio.bodies() == ["Listo.", "Listo."]


async def test_trial_accounts_put_words_before_ours(known: Phone) -> None:
    known.twilio.prefix = "Sent from your Twilio trial account - "
    message_id = await agent_says(known, "Ya va.")
    await known.change(message_id, Delivery.SENDING)
    known.twilio.take(LUCIA, "+14155550100", "Ya va.")
    await known.settle()
    assert len(known.twilio.messages) == 1


@pytest.mark.parametrize("trouble", [(0, 0), (503, 20503), (429, 20429)])
async def test_trouble_is_tried_again_without_sending_twice(known: Phone, trouble: tuple[int, int]) -> None:
    """503 after the message was taken (0), before it was, and too many at once."""
    known.twilio.trouble = [trouble]
    await agent_says(known, "Ya lo reviso.")
    await agent_says(known, "Listo, mira tu correo.")
    await known.settle()
    await hurry(known)
    await known.settle()
    assert known.twilio.bodies() == ["Ya lo reviso.", "Listo, mira tu correo."]  # order is kept
    assert {m.delivery for m in await known.replies()} == {Delivery.SENT}


async def test_permanent_refusal_fails_at_once(known: Phone) -> None:
    for asked, trouble in enumerate([(400, 21610), (400, 21211), (403, 21408), (404, 20404)], 1):
        known.twilio.always = trouble
        await agent_says(known, "¿Sigues ahí?")
        await known.settle()
        assert known.twilio.asked == asked
        assert (await known.replies())[-1].delivery is Delivery.FAILED
    known.twilio.always = None
    await agent_says(known, "Te llamo mañana.")  # the lane is free again
    await known.settle()
    assert known.twilio.bodies() == ["Te llamo mañana."]


async def test_trouble_without_end_is_given_up_and_may_be_retried_by_hand(known: Phone) -> None:
    known.twilio.always = (500, 20500)
    message_id = await agent_says(known, "Hola, soy Camilo.")
    for _ in range(MAX_FAILURES + 2):
        await known.settle()
        await hurry(known)
    assert known.twilio.asked == MAX_FAILURES
    assert (await known.replies())[-1].delivery is Delivery.FAILED
    known.twilio.always = None
    async with known.shop.recuerda.db.write() as session:
        await session.exec(
            sa.update(Job).where(col(Job.state) == JobState.DEAD).values(state=JobState.READY, attempts=0)
        )
    await known.settle()
    assert known.twilio.bodies() == ["Hola, soy Camilo."]
    assert (await known.replies())[-1].id == message_id
    assert (await known.replies())[-1].delivery is Delivery.SENT


async def test_long_reply_goes_in_parts_and_a_crash_among_them_sends_the_rest(known: Phone) -> None:
    paragraphs = [f"Párrafo {n}. " + "Esto es lo que debes saber. " * 30 for n in range(4)]
    message_id = await agent_says(known, "\n\n".join(paragraphs))
    known.twilio.trouble = [(201, 0), (0, 0)]
    await known.settle()
    await hurry(known)
    await known.settle()
    bodies = known.twilio.bodies()
    assert len(bodies) == len(set(bodies)) == 4
    assert all(body.startswith(f"Párrafo {n}") for n, body in enumerate(bodies))
    sent = (await known.replies())[-1]
    assert sent.id == message_id
    assert (sent.external_id or "").split() == [m["sid"] for m in known.twilio.messages]


async def test_conversation_that_the_brand_began_and_the_customer_goes_on_with(phone: Phone) -> None:
    opened = await phone.shop.http.post(
        "/v1/conversations", json={"channel": "sms", "customer": {"phone": LUCIA}, "locale": "es-CO"}
    )
    assert opened.status_code == 201
    await agent_says(phone, "Hola, Lucía: tu cambio ya salió.")
    await phone.settle()
    assert phone.twilio.bodies(LUCIA) == ["Hola, Lucía: tu cambio ya salió."]
    await phone.send("Gracias")
    assert len(await phone.conversations()) == 1


async def test_without_an_account_messages_fail_instead_of_waiting(
    twilio: FakeTwilio, twilio_settings: Callable[..., object]
) -> None:
    async with run_shop(twilio_settings(twilio_from="")) as shop:  # type: ignore[arg-type]
        phone = Phone(shop, twilio)
        await phone.send("Hola")
        await phone.settle()
        assert (await phone.replies())[0].delivery is Delivery.FAILED
        (conversation,) = await phone.conversations()
        view = (await shop.http.get(f"/v1/conversations/{conversation.id}")).json()
        assert view["memory"] == "settled"


async def test_erased_customer_gets_nothing_more(known: Phone) -> None:
    await agent_says(known, "Hola")
    (conversation,) = await known.conversations()
    erased = await known.shop.http.delete(f"/v1/customers/{conversation.customer_id}")
    assert erased.status_code == 202
    await known.settle()
    assert known.twilio.messages == []


async def test_handlers_stand_in_the_worker(phone: Phone) -> None:
    worker: Worker = phone.shop.recuerda.worker
    assert "deliver" in worker._handlers
    assert "deliver" in worker.leases.when_dead
