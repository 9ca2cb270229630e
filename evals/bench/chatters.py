"""Customers who go on talking while processes die around them: the other side of `chat_kills`."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

import httpx
from evals.bench.fleet import KEY
from evals.bench.twilio_server import ACCOUNT, NUMBER, TOKEN
from twilio.request_validator import RequestValidator

CHAT, PHONE = 12, 8  # how many talk which way
_PUBLIC = "https://chat.example.com"
_HOOK = "/channels/twilio/messages"
_BREATH = 0.2  # seconds before an unanswered request is made again
_THINKS = (4.0, 10.0)  # seconds from one message to the next: a backlog would hide what the kill did
TWILIO = {
    "RECUERDA_TWILIO_ACCOUNT_SID": ACCOUNT,
    "RECUERDA_TWILIO_AUTH_TOKEN": TOKEN,
    "RECUERDA_TWILIO_FROM": NUMBER,
    "RECUERDA_PUBLIC_URL": _PUBLIC,
}


@dataclass
class Chatter:
    number: int
    urls: list[str]
    acknowledged: list[str] = field(default_factory=list)
    stop: bool = False
    _turns: Iterator[int] = field(default_factory=count)

    def words(self) -> str:
        """Another size each time, so that every message makes a fact of its own. The fifth word is it."""
        return f"Hola, mi talla es {36 + (self.number + next(self._turns)) % 10} y mi mensaje {uuid4().hex}"

    async def insist(self, ask: Callable[[httpx.AsyncClient], Awaitable[bool]]) -> None:
        """Asks one process after another until one answers, or until told to stop."""
        for turn in count(self.number):
            headers = {"Authorization": f"Bearer {KEY}"}
            url = self.urls[turn % len(self.urls)]
            try:
                async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
                    if await ask(http):
                        return
            except httpx.TransportError:
                pass
            if self.stop:
                return
            await asyncio.sleep(_BREATH)


async def think(who: Chatter) -> None:
    if not who.stop:
        await asyncio.sleep(random.uniform(*_THINKS))


async def web_customer(who: Chatter) -> None:
    conversation = ""

    async def open_(http: httpx.AsyncClient) -> bool:
        nonlocal conversation
        body = {"customer": {"external_id": f"c{who.number}"}, "locale": "es-CO"}
        answer = await http.post("/v1/conversations", json=body)
        conversation = answer.json()["id"] if answer.status_code == 201 else ""
        return bool(conversation)

    await who.insist(open_)
    while conversation and not who.stop:
        text, key = who.words(), uuid4().hex

        async def say(http: httpx.AsyncClient, text: str = text, key: str = key) -> bool:
            """Done once it is acknowledged, also when the reply breaks off: it must be written anyway."""
            path, sse = f"/v1/conversations/{conversation}/messages", {"Accept": "text/event-stream"}
            acknowledged = False
            try:
                async with http.stream(
                    "POST", path, json={"text": text}, headers={**sse, "Idempotency-Key": key}
                ) as answer:
                    async for line in answer.aiter_lines():
                        if line == "event: accepted":
                            who.acknowledged.append(text)
                            acknowledged = True
            except httpx.TransportError:
                pass
            return acknowledged

        await who.insist(say)
        await think(who)


async def phone_customer(who: Chatter) -> None:
    sign = RequestValidator(TOKEN).compute_signature
    while not who.stop:
        text = who.words()
        form = {
            "MessageSid": f"SM{uuid4().hex}",
            "AccountSid": ACCOUNT,
            "From": f"whatsapp:+5730055501{who.number:02d}",
            "To": f"whatsapp:{NUMBER}",
            "Body": text,
            "NumMedia": "0",
        }
        signature = {"X-Twilio-Signature": sign(_PUBLIC + _HOOK, form)}

        async def send(
            http: httpx.AsyncClient,
            text: str = text,
            form: dict[str, str] = form,
            signed: dict[str, str] = signature,
        ) -> bool:
            answer = await http.post(_HOOK, data=form, headers=signed)
            if answer.status_code == 200:
                who.acknowledged.append(text)
            return answer.status_code == 200

        await who.insist(send)
        await think(who)
