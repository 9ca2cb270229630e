"""Twilio's REST API through its SDK, whose calls block: each runs in a thread."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from recuerda.settings import Settings

_TIMEOUT = 10.0  # seconds for one call
_PAGES = 500  # messages looked through for one that may have been sent
_TRY_AGAIN = frozenset({401, 408, 409, 425, 429})  # ours to mend, or over soon
_TRIAL = "Sent from your Twilio trial account - "  # which Twilio puts before every body of a trial


class Refused(Exception):
    """Twilio will never take this message, say because its receiver opted out. Holds no words, no number."""

    def __init__(self, status: int, code: int | None) -> None:
        super().__init__(f"status {status}, code {code}")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as Twilio keeps it."""

    sid: str
    body: str
    at: datetime


class Twilio:
    def __init__(self, account_sid: str, auth_token: str, number: str, api_url: str = "") -> None:
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._number = number.removeprefix("whatsapp:")
        self._api_url = api_url

    async def send(self, address: str, body: str) -> str:
        """The new message's Sid. `address` is `+57...` or `whatsapp:+57...`.

        Raises `Refused`; any other error leaves open whether the message was taken.
        """

        def create() -> str:
            with _without_words():
                made = self._client.messages.create(to=address, from_=self._sender(address), body=body)
            return str(made.sid)

        return await asyncio.to_thread(create)

    async def sent_since(self, address: str, since: datetime) -> list[Sent]:
        """What went to `address` from us, oldest first.

        Not asked for by date sent: a message that still waits in Twilio's queue has none.
        """

        def look() -> list[Sent]:
            with _without_words():
                found = self._client.messages.list(to=address, from_=self._sender(address), limit=_PAGES)
            sent = [Sent(m.sid, (m.body or "").removeprefix(_TRIAL), _time(m.date_created)) for m in found]
            return sorted((m for m in sent if m.at >= since), key=lambda m: m.at)

        return await asyncio.to_thread(look)

    def _sender(self, address: str) -> str:
        return f"whatsapp:{self._number}" if address.startswith("whatsapp:") else self._number

    @cached_property
    def _client(self) -> Any:
        from twilio.http.http_client import TwilioHttpClient
        from twilio.rest import Client

        client = Client(self._account_sid, self._auth_token, http_client=TwilioHttpClient(timeout=_TIMEOUT))
        if self._api_url:
            client.api.base_url = self._api_url
        return client


def make_twilio(settings: Settings) -> Twilio | None:
    """None when account, token or number is missing."""
    token = settings.twilio_auth_token
    if not (settings.twilio_account_sid and token and settings.twilio_from):
        return None
    return Twilio(
        settings.twilio_account_sid,
        token.get_secret_value(),
        settings.twilio_from,
        settings.twilio_api_url,
    )


@contextmanager
def _without_words() -> Iterator[None]:
    """The SDK's errors quote the number and its address: only their status and code go on."""
    from twilio.base.exceptions import TwilioRestException, TwilioServiceException

    try:
        yield
    except (TwilioRestException, TwilioServiceException) as error:
        if 400 <= error.status < 500 and error.status not in _TRY_AGAIN:
            raise Refused(error.status, error.code) from None
        raise ConnectionError(f"Twilio answered {error.status}") from None


def _time(value: datetime | None) -> datetime:
    if value is None:  # only just taken
        return datetime.now(UTC)
    return value if value.tzinfo else value.replace(tzinfo=UTC)
