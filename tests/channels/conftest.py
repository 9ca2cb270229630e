from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from evals.bench.twilio_server import ACCOUNT, NUMBER, TOKEN, FakeTwilio, application, serving
from sqlmodel import col, select
from twilio.request_validator import RequestValidator

from recuerda.models import Author, Conversation, Delivery, Identity, Message
from tests.conftest import Shop, make_settings, run_shop

PATH = "/channels/twilio/messages"
PUBLIC_URL = "https://chat.example.com"
LUCIA = "+573005550142"


class Phone:
    """A customer's telephone: what it sends reaches the webhook signed, as Twilio would."""

    def __init__(self, shop: Shop, twilio: FakeTwilio) -> None:
        self.shop = shop
        self.twilio = twilio
        self._sent = 0

    def form(self, body: str = "", sender: str = LUCIA, **more: str) -> dict[str, str]:
        self._sent += 1
        sid = f"SM{self._sent:032x}"
        given = {"MessageSid": sid, "AccountSid": ACCOUNT, "From": sender, "To": NUMBER, "Body": body}
        return {**given, "NumMedia": "0", **more}

    async def post(
        self, form: dict[str, str], *, url: str = PUBLIC_URL + PATH, token: str = TOKEN, **headers: str
    ) -> httpx.Response:
        signature = RequestValidator(token).compute_signature(url, form)
        headers = {"X-Twilio-Signature": signature, **headers}
        return await self.shop.http.post(PATH, data=form, headers=headers)

    async def send(self, body: str = "", sender: str = LUCIA, **more: str) -> httpx.Response:
        response = await self.post(self.form(body, sender, **more))
        assert response.status_code == 200, response.text
        return response

    async def settle(self) -> None:
        await self.shop.recuerda.worker.drain()

    async def messages(self) -> list[Message]:
        async with self.shop.recuerda.db.read() as session:
            query = select(Message).order_by(col(Message.conversation_id), col(Message.position))
            return list((await session.exec(query)).all())

    async def replies(self) -> list[Message]:
        return [m for m in await self.messages() if m.author is not Author.CUSTOMER]

    async def conversations(self) -> list[Conversation]:
        async with self.shop.recuerda.db.read() as session:
            return list((await session.exec(select(Conversation).order_by(col(Conversation.id)))).all())

    async def identities(self) -> list[Identity]:
        async with self.shop.recuerda.db.read() as session:
            return list((await session.exec(select(Identity))).all())

    async def change(self, message_id: str, delivery: Delivery) -> None:
        async with self.shop.recuerda.db.write() as session:
            message = await session.get_one(Message, message_id)
            message.delivery, message.external_id = delivery, None


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    fake = FakeTwilio()
    async with serving(application(fake)) as url:
        fake.url = url
        yield fake


@pytest.fixture
def twilio_settings(tmp_path: Path, twilio: FakeTwilio) -> Callable[..., object]:
    def make(**given: object) -> object:
        return make_settings(
            tmp_path / "data",
            **{
                "twilio_account_sid": ACCOUNT,
                "twilio_auth_token": TOKEN,
                "twilio_from": NUMBER,
                "twilio_api_url": twilio.url,
                "public_url": PUBLIC_URL,
                "worker": False,  # the tests say when work is done
                **given,
            },
        )

    return make


@pytest.fixture
async def phone(twilio: FakeTwilio, twilio_settings: Callable[..., object]) -> AsyncIterator[Phone]:
    async with run_shop(twilio_settings()) as shop:  # type: ignore[arg-type]
        yield Phone(shop, twilio)
