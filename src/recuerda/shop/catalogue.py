"""What the shop shows: products and help articles, read once from the sample shop's files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from recuerda.language import LANGUAGES, Language, from_locale
from recuerda.memory.loaders import read_markdown

_SHOP = resources.files("recuerda.sample_shop")
_CURRENCIES = {"CO": "COP", "MX": "MXN", "BR": "BRL", "PE": "PEN", "CL": "CLP", "AR": "ARS", "US": "USD"}
_LOCALES: dict[Language, str] = {"en": "en-US", "es": "es-CO", "pt": "pt-BR"}
_SIGNS = {"USD": "US$", "BRL": "R$", "PEN": "S/"}
_POINT_DECIMALS = {"USD", "MXN", "PEN"}
# Ranges of the one flat list of sizes; they do not meet (see recuerda.sample_shop).
_SIZE_SYSTEMS = (("US", 4.0, 13.0), ("MX (cm)", 22.0, 31.0), ("EU", 36.0, 47.0))


@dataclass(frozen=True, slots=True, eq=False)  # each is made once: compared and hashed by identity
class Product:
    id: str
    name: str
    kind: str
    url: str
    price: dict[str, float]
    fits: dict[str, list[str]]
    description: dict[str, str]
    highlights: dict[str, list[str]]

    @property
    def terrain(self) -> list[str]:
        return self.fits.get("terrain", [])

    @property
    def arch(self) -> list[str]:
        return self.fits.get("arch_type", [])

    @property
    def cushioning(self) -> str:
        return self.fits.get("cushioning", ["balanced"])[0]

    def sizes(self) -> dict[str, list[str]]:
        """Sizes by system, for shoes; garments have one list."""
        for garment in ("garment_size", "bottoms_size", "sock_size"):
            if garment in self.fits:
                return {"": self.fits[garment]}
        numbers = [(float(size), size) for size in self.fits.get("shoe_size", [])]
        found = {
            system: [size for number, size in sorted(numbers) if low <= number <= high]
            for system, low, high in _SIZE_SYSTEMS
        }
        return {system: sizes for system, sizes in found.items() if sizes}


@dataclass(frozen=True, slots=True)
class Article:
    id: str
    title: str
    url: str
    language: Language
    topic: str
    text: str  # Markdown


@cache
def products() -> dict[str, Product]:
    found: list[dict[str, Any]] = json.loads(_SHOP.joinpath("catalogue.json").read_text("utf-8"))
    return {row["id"]: Product(**row) for row in found}


@cache
def articles() -> dict[str, Article]:
    found = {}
    for language in LANGUAGES:
        for file in sorted(_SHOP.joinpath("articles", language).iterdir(), key=lambda f: f.name):
            page = read_markdown(file.name, file.read_text("utf-8"), language)
            topic = str((page.data or {}).get("topic", ""))
            found[page.id] = Article(page.id, page.title, page.url or "", language, topic, page.text)
    return found


@cache
def people() -> dict[str, dict[str, Any]]:
    """The sample customers by the shop's own id."""
    lines = _SHOP.joinpath("customers.jsonl").read_text("utf-8").splitlines()
    return {row["external_id"]: row for row in map(json.loads, filter(str.strip, lines))}


def select(kind: str = "", terrain: str = "", arch: str = "") -> list[Product]:
    """Products of a kind (`gear` is all but shoes), for a terrain and an arch, in the catalogue's order."""
    return [
        p
        for p in products().values()
        if (not kind or (p.kind == "shoe") == (kind == "shoe"))
        and (not terrain or terrain in p.terrain)
        and (not arch or arch in p.arch)
    ]


def made_for() -> dict[str, int]:
    """How many shoes there are for feet that are hard to fit."""
    shoes = select(kind="shoe")
    return {
        "high": sum("high" in p.arch for p in shoes),
        "flat": sum("flat" in p.arch for p in shoes),
        "wide": sum(bool({"wide", "extra_wide"} & set(p.fits.get("foot_width", []))) for p in shoes),
    }


def choices(attribute: str, among: Sequence[Product]) -> list[str]:
    return list(dict.fromkeys(value for p in among for value in p.fits.get(attribute, [])))


def locale_of(person: dict[str, Any] | None, language: Language) -> str:
    """es-CO: the person's own when it is in the page's language, else the language's commonest here."""
    own = str(person["locale"]) if person else ""
    return own if from_locale(own) == language else f"{_LOCALES[language]}"


def currency_of(person: dict[str, Any] | None, language: Language) -> str:
    locale = str(person["locale"]) if person else _LOCALES[language]
    return _CURRENCIES.get(locale.partition("-")[2], "USD")


def money(product: Product, currency: str) -> str:
    amount = f"{product.price[currency]:,.2f}".removesuffix(".00")
    if currency not in _POINT_DECIMALS:
        amount = amount.translate(str.maketrans(",.", ".,"))
    return f"{_SIGNS.get(currency, currency)} {amount}"
