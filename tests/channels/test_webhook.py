"""The webhook: who may call it, what a message becomes, and what a repeated one does."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from evals.bench.twilio_server import NUMBER, FakeTwilio

from recuerda.channels.incoming import locale_of
from recuerda.channels.twilio import EMPTY
from recuerda.models import Assurance, Author, Conversation, ConversationStatus, IdentityKind, now
from tests.channels.conftest import LUCIA, PATH, PUBLIC_URL, Phone
from tests.conftest import make_settings, run_shop


async def test_message_is_answered_with_empty_twiml_and_the_reply_is_sent(phone: Phone) -> None:
    response = await phone.send("Hola, calzo talla 42")
    assert response.text == EMPTY
    assert response.headers["content-type"].startswith("text/xml")
    assert phone.twilio.messages == []  # the answer did not wait for the reply
    await phone.settle()
    reply = (await phone.replies())[0]
    assert [m["to"] for m in phone.twilio.messages] == [LUCIA]
    assert phone.twilio.messages[0]["from"] == NUMBER
    assert phone.twilio.bodies() == [reply.text]
    assert (reply.delivery, reply.external_id) == ("sent", phone.twilio.messages[0]["sid"])


async def test_a_fact_said_by_message_is_remembered(phone: Phone) -> None:
    await phone.send("Hola, calzo talla 42 y tengo arco alto")
    await phone.settle()
    conversation = (await phone.conversations())[0]
    facts = (await phone.shop.http.get(f"/v1/customers/{conversation.customer_id}/facts")).json()["items"]
    assert {"shoe_size", "arch_type"} <= {f["attribute"] for f in facts}
    assert facts[0]["evidence"][0]["channel"] == "sms"


async def test_whatsapp_has_an_identity_and_an_address_of_its_own(phone: Phone) -> None:
    await phone.send("Oi, tudo bem?", sender="whatsapp:+5511912345678", ProfileName="Ana Souza")
    await phone.settle()
    (identity,) = await phone.identities()
    assert (identity.kind, identity.value) == (IdentityKind.WHATSAPP, "+5511912345678")
    assert identity.assurance is Assurance.CHANNEL
    (sent,) = phone.twilio.messages
    assert (sent["to"], sent["from"]) == ("whatsapp:+5511912345678", f"whatsapp:{NUMBER}")
    (conversation,) = await phone.conversations()
    assert (conversation.channel, conversation.language) == ("whatsapp", "pt")
    customer = (await phone.shop.http.get(f"/v1/customers/{conversation.customer_id}")).json()
    assert (customer["name"], customer["locale"]) == ("Ana Souza", "pt-BR")


async def test_the_same_number_on_both_channels_is_one_customer(phone: Phone) -> None:
    await phone.send("Hola", sender=LUCIA)
    await phone.send("Hola de nuevo", sender=f"whatsapp:{LUCIA}")
    one, other = await phone.conversations()
    assert one.customer_id == other.customer_id
    assert {i.kind for i in await phone.identities()} == {IdentityKind.PHONE, IdentityKind.WHATSAPP}


async def test_wrong_signature_is_refused(phone: Phone) -> None:
    for signature in ("", "wrong", "ñ" * 28, "A" * 28):
        headers = {b"X-Twilio-Signature": signature.encode()}
        response = await phone.shop.http.post(PATH, data=phone.form("Hola"), headers=headers)
        assert response.status_code == 403
        assert response.headers["content-type"] == "application/problem+json"
        assert "RECUERDA_PUBLIC_URL" in response.json()["detail"]
    assert await phone.messages() == []


async def test_signature_is_for_these_very_words_and_this_address(phone: Phone) -> None:
    good = phone.form("Hola")
    assert (await phone.post(good, token="another")).status_code == 403
    assert (await phone.post(good, url=f"https://other.example.com{PATH}")).status_code == 403
    assert (await phone.post(good, url=f"{PUBLIC_URL}{PATH}?x=1")).status_code == 403
    assert await phone.messages() == []


async def test_behind_a_proxy_without_public_url(
    twilio: FakeTwilio, twilio_settings: Callable[..., object]
) -> None:
    async with run_shop(twilio_settings(public_url="")) as shop:  # type: ignore[arg-type]
        phone = Phone(shop, twilio)
        forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example.com"}
        url = f"https://shop.example.com{PATH}"
        assert (await phone.post(phone.form("Hola"), url=url, **forwarded)).status_code == 200
        assert (await phone.post(phone.form("Hola"), url=f"http://127.0.0.1{PATH}")).status_code == 200
        assert (await phone.post(phone.form("Hola"), url=url)).status_code == 403
        bad_host = await phone.post(phone.form("Hola"), url=url, Host="a:b:c")
        assert bad_host.status_code == 403


async def test_not_configured_says_what_to_set(tmp_path: Path) -> None:
    async with run_shop(make_settings(tmp_path / "data", worker=False)) as shop:
        response = await shop.http.post(PATH, data={"Body": "Hola"})
    assert response.status_code == 503
    assert "RECUERDA_TWILIO_AUTH_TOKEN" in response.json()["detail"]


async def test_repeated_sid_is_answered_once_however_many_come_at_once(phone: Phone) -> None:
    form = phone.form("¿Hacen envíos a Medellín?")
    answers = await asyncio.gather(*(phone.post(form) for _ in range(12)))
    assert {(a.status_code, a.text) for a in answers} == {(200, EMPTY)}
    await phone.settle()
    assert (await phone.post(form)).status_code == 200
    await phone.settle()
    assert [m.author for m in await phone.messages()] == [Author.CUSTOMER, Author.ASSISTANT]
    assert len(phone.twilio.messages) == 1


async def test_many_first_messages_at_once_make_one_customer_and_one_conversation(phone: Phone) -> None:
    await asyncio.gather(*(phone.send(f"Mensaje número {n}") for n in range(8)))
    assert len(await phone.conversations()) == 1
    assert sorted(m.position for m in await phone.messages()) == list(range(8))


async def test_two_fast_messages_are_answered_in_order(phone: Phone) -> None:
    await phone.send("¿Cuánto tiempo tengo para devolver?")
    await phone.send("Gracias")
    await phone.settle()
    first, second = (m for m in await phone.messages() if m.author is Author.CUSTOMER)
    assert (first.text, second.text) == ("¿Cuánto tiempo tengo para devolver?", "Gracias")
    replies = await phone.replies()
    assert [r.reply_to for r in replies] == [first.id, second.id]
    assert phone.twilio.bodies() == [r.text for r in replies]


async def test_conversation_continues_until_resolved_or_a_day_old(phone: Phone) -> None:
    await phone.send("Hola")
    await phone.send("Otra pregunta")
    assert len(await phone.conversations()) == 1
    await _change(phone, status=ConversationStatus.RESOLVED)
    await phone.send("Hola otra vez")
    assert len(await phone.conversations()) == 2
    await _change(phone, last_message_at=now() - timedelta(hours=25))
    await phone.send("Buenos días")
    assert len(await phone.conversations()) == 3
    await phone.send("Hola", sender=f"whatsapp:{LUCIA}")
    assert [c.channel for c in await phone.conversations()] == ["sms", "sms", "sms", "whatsapp"]


async def _change(phone: Phone, **values: object) -> None:
    async with phone.shop.recuerda.db.write() as session:
        for conversation in await phone.conversations():
            found = await session.get_one(Conversation, conversation.id)
            for name, value in values.items():
                setattr(found, name, value)


async def test_media_without_words_gets_a_kind_reply_in_the_customers_language(phone: Phone) -> None:
    media = {"NumMedia": "2", "MediaContentType0": "image/jpeg", "MediaContentType1": "audio/ogg"}
    asked = {LUCIA: "palabras", "+5511912345678": "escrever", "+14155550123": "in words"}
    for sender, words in asked.items():
        form = phone.form("", sender, **media)
        for _ in range(2):
            assert (await phone.post(form)).status_code == 200
        await phone.settle()
        message, reply = (await phone.messages())[-2:]
        assert (message.text, message.author) == ("📷🎤", Author.CUSTOMER)
        assert words in reply.text
        assert phone.twilio.bodies(sender) == [reply.text]


async def test_empty_body_gets_the_kind_reply(phone: Phone) -> None:
    for body in ("", "   ", "\x00\n"):
        await phone.send(body)
    await phone.settle()
    assert len(phone.twilio.messages) == 3


async def test_photo_with_words_is_an_ordinary_message(phone: Phone) -> None:
    await phone.send("Así llegaron", NumMedia="1", MediaContentType0="image/png")
    assert [m.text for m in await phone.messages()] == ["Así llegaron\n📷"]


async def test_person_has_the_conversation(phone: Phone) -> None:
    await phone.send("Quiero hablar con una persona")
    await phone.settle()
    sent = len(phone.twilio.messages)
    await phone.send("¿Hay alguien?")
    await phone.settle()
    assert len(phone.twilio.messages) == sent + 1  # says once that a person will answer
    await phone.send("", NumMedia="1", MediaContentType0="image/png")
    await phone.send("Sigo aquí")
    await phone.settle()
    assert len(phone.twilio.messages) == sent + 1  # and then keeps out of it


async def test_long_body_is_cut_with_a_note(
    twilio: FakeTwilio, twilio_settings: Callable[..., object]
) -> None:
    async with run_shop(twilio_settings(max_message_chars=100)) as shop:  # type: ignore[arg-type]
        phone = Phone(shop, twilio)
        await phone.send("palabra " * 40)
        (message,) = await phone.messages()
    assert len(message.text) <= 100
    assert message.text.startswith("palabra palabra")
    kept = message.text.index("…")
    assert message.text.endswith(f"… [+{len(('palabra ' * 40).strip()) - kept}]")


async def test_what_is_no_message_of_a_number_is_refused(phone: Phone) -> None:
    for change in ({"From": "VEREDA"}, {"From": "12345"}, {"MessageSid": ""}, {"From": ""}):
        assert (await phone.post({**phone.form("Hola"), **change})).status_code == 422
    assert await phone.messages() == []


async def test_neither_words_nor_numbers_are_logged(phone: Phone, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    phone.twilio.trouble = [(400, 21610)]
    await phone.send("palabra-secreta-del-cliente")
    await phone.settle()
    assert "21610" in caplog.text
    assert "palabra-secreta" not in caplog.text
    assert LUCIA.strip("+") not in caplog.text


def test_locale_of_a_number() -> None:
    numbers = [LUCIA, "+5511912345678", "+14155550100", "+4930123456", "+999"]
    assert [locale_of(n) for n in numbers] == ["es-CO", "pt-BR", "en-US", None, None]


@pytest.mark.parametrize(
    ("sender", "more"),
    [
        (LUCIA, {"AccountSid": "AC00000000000000000000000000000bad"}),
        (NUMBER, {}),
        (f"whatsapp:{NUMBER}", {}),
    ],
)
async def test_another_account_and_our_own_number_are_refused(
    phone: Phone, sender: str, more: dict[str, str]
) -> None:
    response = await phone.post(phone.form("Hola", sender, **more))
    assert response.status_code == 403
    assert await phone.messages() == []
