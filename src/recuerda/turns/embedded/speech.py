"""How the embedded engine says things: the phrases of `wording`, dates, lists and prices by language."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from recuerda.language import Language, country_of, fold
from recuerda.yaml_files import read_yaml

_HERE = Path(__file__).parent
# How amounts are written where each currency is used; unlisted ones get a point before the decimals.
_COMMA_DECIMALS = {"ARS", "BRL", "CLP", "COP", "CRC", "EUR", "PYG", "UYU"}
_SIGNS = {"BRL": "R$", "PEN": "S/"}
_TERRITORIES = {
    "AR": "ARS",
    "BO": "BOB",
    "BR": "BRL",
    "CL": "CLP",
    "CO": "COP",
    "CR": "CRC",
    "EC": "USD",
    "ES": "EUR",
    "GB": "GBP",
    "MX": "MXN",
    "PA": "USD",
    "PE": "PEN",
    "PR": "USD",
    "PT": "EUR",
    "PY": "PYG",
    "SV": "USD",
    "US": "USD",
    "UY": "UYU",
}


@cache
def _phrases(language: Language) -> dict[str, Any]:
    loaded: dict[str, Any] = read_yaml(_HERE / "wording" / f"{language}.yaml")
    return loaded


def phrase(key: str, language: Language) -> str:
    """A phrase without variants or places to fill."""
    text: str = _phrases(language)[key]
    return text


def currency_of(locale: str | None) -> str | None:
    """`es-CO` -> `COP`; None when the locale names no country we know."""
    return _TERRITORIES.get(country_of(locale) or "")


class Speech:
    """One reply's voice. `seed` (the message) chooses among variants: the same again gets the same."""

    def __init__(self, language: Language, seed: str, now: datetime) -> None:
        self.language, self._seed, self._now = language, seed, now
        self._phrases = _phrases(language)

    def variants(self, key: str) -> list[str]:
        found = self._phrases[key]
        return found if isinstance(found, list) else [found]

    def say(self, key: str, **values: object) -> str:
        options = self.variants(key)
        return options[crc32(f"{key}|{self._seed}".encode()) % len(options)].format(**values)

    def has(self, key: str) -> bool:
        return key in self._phrases

    def pairs(self, key: str) -> list[tuple[str, str]]:
        """Two-word entries: what becomes what."""
        return [(ours, theirs) for ours, theirs in self._phrases[key].items()]

    def said(self, key: str, text: str) -> bool:
        """Whether `text`, in any of our languages, has the phrase `key` up to its first place to fill."""
        phrases = (p.split("{")[0] for language in ("en", "es", "pt") for p in _phrases(language)[key])
        return any(phrase in text for phrase in phrases)

    def without(self, key: str, text: str) -> str:
        """`text` less the phrase `key`, which has no places to fill."""
        for phrase in self._phrases[key]:
            text = text.replace(phrase, "")
        return text.strip()

    def language_name(self, language: Language) -> str:
        name: str = self._phrases["languages"][language]
        return name

    def date(self, at: datetime) -> str:
        day = self._phrases.get("first_day", str(at.day)) if at.day == 1 else str(at.day)
        key = "date" if at.year == self._now.year else "date_year"
        return self.say(key, day=day, month=self._phrases["months"][at.month - 1], year=at.year)

    def when(self, at: datetime) -> str:
        return self.say("on_date", date=self.date(at))

    def quote(self, text: str, most: int = 140) -> str:
        words = " ".join(text.split()).strip(" .,;:")
        if len(words) > most:
            words = words[:most].rsplit(" ", 1)[0].rstrip(" .,;:") + "…"
        return self.say("quote", text=words)

    def join(self, items: Sequence[str], last: str = "and") -> str:
        if len(items) < 2:
            return "".join(items)
        link = self.say(last)
        if self.language == "es" and link == "y" and _sounds_i(items[-1]):
            link = "e"
        comma = "," if self.language == "en" and len(items) > 2 else ""
        return f"{', '.join(items[:-1])}{comma} {link} {items[-1]}"

    def money(self, amount: float, currency: str) -> str:
        text = f"{amount:,.2f}".removesuffix(".00")
        if currency in _COMMA_DECIMALS:
            text = text.translate(str.maketrans(",.", ".,"))
        sign = "$" if currency == "USD" and self.language == "en" else _SIGNS.get(currency, currency)
        return f"{sign}{text}" if sign == "$" else f"{sign} {text}"


def _sounds_i(word: str) -> bool:
    plain = fold(word).lstrip("«“\"'")
    return plain.startswith(("i", "hi")) and not plain.startswith(("hie", "hia", "io"))


def sentence(text: str) -> str:
    """`text` with a capital first letter."""
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """For the middle of a sentence; an acronym or a name of several capitals keeps its own."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
