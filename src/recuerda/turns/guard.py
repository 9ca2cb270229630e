"""What a model wrote is checked before a customer reads it, while it streams.

Withheld: the instructions themselves, ids, addresses, phone numbers and links that stand in nothing the
model was shown, and a reply that names none of the products that were found for the customer (small models
refuse for no reason). The customer then gets the embedded engine's answer, and the receipt says why.
Secrets are masked. A few words are always held back, so that nothing is let through before it can be
recognised.
"""

import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from recuerda.errors import Unavailable
from recuerda.language import fold
from recuerda.masking import mask

Reason = Literal["instructions", "id", "contact", "link", "omission"]

# Stands in the system prompt; a reply that holds it is reciting its instructions.
CANARY = f"ref-{secrets.token_hex(8)}"

_WORDS = 8  # in a row of the instructions that are no coincidence
_HELD = 6  # words held back: a card number or an address may still be going on
_ID = re.compile(r"\b[a-z]{2,5}_[0-9a-f]{32}\b")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(
    r"(?<![\w.,/$-])\+?(?:\d{1,3}[ .-]?)?(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){1,4}(?![\w/])"
)
_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,10}:)?//[^\s<>\"')\]]+"
    r"|(?<![@\w.-])(?:[a-z0-9-]+\.)+[a-z]{2,24}(?::\d+)?(?:/[^\s<>\"')\]]*)"
    r"|(?<![@\w.-])(?:www\.[a-z0-9-]+(?:\.[a-z0-9-]+)+"
    r"|(?:[a-z0-9-]+\.)+(?:com|net|org|io|co|app|dev|info|biz|shop|store|xyz|link|me|ly|br|mx|es|ar|cl|pe))\b",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(?:javascript|data|vbscript|file|tel|mailto|sms|whatsapp):", re.IGNORECASE)
_FOR_PEOPLE: dict[Reason, str] = {
    "instructions": "its own instructions",
    "id": "an internal id",
    "contact": "an address or phone number that stands in none of the sources",
    "link": "a link that is not allowed",
    "omission": "none of the products that were found",
}


class Withheld(Unavailable):
    """The model's reply may not be shown; `reason` says which check it failed."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"The model's answer was withheld: it held {_FOR_PEOPLE[reason]}.")
        self.reason = reason


@dataclass(slots=True)
class Guard:
    """`instructions` is our own part of the prompt, `shown` all that the model was given to read, and
    `hosts` what may be linked to. What a customer wrote is shown, but never makes a link good. Of `products`,
    when there are any, one must be named."""

    instructions: str
    shown: str
    hosts: Collection[str] = ()
    products: Collection[str] = ()
    _text: str = ""
    _sent: int = 0  # characters of the masked text that were let through
    _numbers: str = ""
    _rules: set[tuple[str, ...]] = field(default_factory=set)

    def __post_init__(self) -> None:
        rules = _words(self.instructions)
        self._rules = {tuple(rules[i : i + _WORDS]) for i in range(len(rules) - _WORDS + 1)}
        self.hosts = {host.lower().removeprefix("www.") for host in self.hosts}
        self._numbers = _digits(self.shown)

    def feed(self, piece: str) -> str:
        """What may be shown by now. Raises Withheld."""
        self._text += piece
        self._check(self._text[: self._text.rfind(" ") + 1])  # a link half written is no link yet
        starts = [m.start() for m in re.finditer(r"\S+", self._text)]
        safe = starts[-_HELD] if len(starts) > _HELD else 0
        # A run of digits is not cut: its check digit is its last.
        while safe and re.search(r"\d[\d .-]*$", self._text[:safe]) and self._text[safe].isdigit():
            safe = max((s for s in starts if s < safe), default=0)
        return self._release(mask(self._text[:safe]))

    def finish(self) -> str:
        """The rest. Raises Withheld."""
        self._check(self._text)
        said = fold(self._text)
        if self.products and not any(fold(name) in said for name in self.products):
            raise Withheld("omission")
        return self._release(mask(self._text))

    def _release(self, masked: str) -> str:
        new, self._sent = masked[self._sent :], max(self._sent, len(masked))
        return new

    def _check(self, text: str) -> None:
        said = _words(text)
        runs = (tuple(said[i : i + _WORDS]) for i in range(len(said) - _WORDS + 1))
        if CANARY in text or any(run in self._rules for run in runs):
            raise Withheld("instructions")
        if _ID.search(text):
            raise Withheld("id")
        if _SCHEME.search(text) or not all(self._allowed(link) for link in _links(text)):
            raise Withheld("link")
        if any(found.lower() not in self.shown.lower() for found in _EMAIL.findall(text)):
            raise Withheld("contact")
        numbers = (_digits(found) for found in _PHONE.findall(text))
        if any(len(number) > 8 and number not in self._numbers for number in numbers):  # 8: a date
            raise Withheld("contact")

    def _allowed(self, link: str) -> bool:
        host = _host(link)
        return any(host == allowed or host.endswith(f".{allowed}") for allowed in self.hosts)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _links(text: str) -> list[str]:
    return [match.group().rstrip(".,;:!?") for match in _LINK.finditer(text)]


def _host(link: str) -> str:
    try:
        host = urlsplit(link if "//" in link else f"//{link}").hostname or ""
    except ValueError:
        return ""
    return host.lower().removeprefix("www.")


def hosts_in(text: str) -> set[str]:
    return {host for link in _links(text) if (host := _host(link))}


def hosts(addresses: Iterable[str | None]) -> set[str]:
    """Of whole addresses."""
    return {host for address in addresses if address and (host := _host(address))}
