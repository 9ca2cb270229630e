"""How often one key, customer or address may ask: counted in this process, over a sliding minute.

Each process counts for itself: with N of them a client may reach up to N times the limit. Nothing is
written and nothing is waited for, so a turn costs no more. (The `limits` library walks through all it
counts on every hit: 7 ms a request with 50,000 addresses.)
"""

import math
import time
from ipaddress import IPv6Address, ip_address

from recuerda.errors import TooMany
from recuerda.settings import Settings

_WINDOW = 60.0


class Limit:
    """At most `most` a minute for each name; 0 means without limit.

    Two tables, this minute's and the last one's, whose share shrinks as it slides out of the window. Names
    that are quiet for two minutes are gone with their table.
    """

    def __init__(self, what: str, most: int) -> None:
        self._what = what
        self._most = most
        self._minute = 0
        self._now: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def count(self, name: str) -> None:
        """One more request of `name`. Raises `TooMany`; a refused request is not counted."""
        if not self._most:
            return
        minute, into = divmod(time.monotonic(), _WINDOW)
        if minute != self._minute:
            self._before = self._now if minute == self._minute + 1 else {}
            self._now, self._minute = {}, int(minute)
        before, now = self._before.get(name, 0), self._now.get(name, 0)
        if before * (1 - into / _WINDOW) + now >= self._most:
            wait = self._wait(before, now, into)
            raise TooMany(
                f"More than {self._most} requests a minute {self._what}. Try again in {wait} seconds.",
                retry_after=wait,
            )
        self._now[name] = now + 1

    def _wait(self, before: int, now: int, into: float) -> int:
        """Whole seconds until the next one fits."""
        if now >= self._most:  # this minute alone is full
            return math.ceil(_WINDOW - into + 0.001)
        too_many = before * (1 - into / _WINDOW) + now - self._most  # must slide out of the window first
        return max(1, math.ceil(too_many / before * _WINDOW + 0.001))


class Limits:
    """The limits of a server."""

    def __init__(self, settings: Settings) -> None:
        self.key = Limit("with this API key", settings.rate_per_key)
        self.customer = Limit("for this customer", settings.rate_per_customer)
        self._address = Limit("from this address", settings.rate_per_address)
        self._sign_in = Limit("to sign in from this address", settings.rate_sign_in)

    def address(self, address: str | None) -> None:
        self._address.count(network(address))

    def sign_in(self, address: str | None) -> None:
        self._sign_in.count(network(address))


def network(address: str | None) -> str:
    """What one household or server is given: an IPv4 address, or the first half of an IPv6 one."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return str(found)
