"""The attributes a fact can have: a typed file that a brand can extend."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml

from recuerda.errors import SetupError
from recuerda.models import Category, Sensitivity
from recuerda.yaml_files import parse_yaml

Type = Literal["text", "flag", "choice", "number", "size", "money", "date", "email", "phone"]

# What fades by itself when the attribute, or the lack of one, does not say otherwise.
_LIFETIMES = {Category.INTENT: 60, Category.ISSUE: 120, Category.EVENT: 400}
_SENSITIVITIES = {
    Category.HEALTH: Sensitivity.SPECIAL,
    Category.IDENTITY: Sensitivity.PERSONAL,
    Category.CONTACT: Sensitivity.PERSONAL,
    Category.LOCATION: Sensitivity.PERSONAL,
    Category.FIT: Sensitivity.PERSONAL,
}


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """One kind of fact: `shoe_size`, `allergy`... Values are language-free."""

    name: str
    category: Category
    type: Type = "text"
    many: bool = False  # whether a customer may have several at once
    sensitivity: Sensitivity = Sensitivity.NONE
    lifetime: timedelta | None = None  # None: does not fade
    closes: tuple[str, ...] = ()  # attributes that saying this one ends: keeping ends a return
    choices: Mapping[str, str] = field(default_factory=dict)  # value -> pattern of the words that say it
    words: str = ""  # pattern that tells the clause, or the question it answers, is about this
    unless: str = ""  # pattern that tells it is not
    of: str = ""  # pattern of the things a size is of
    negatable: bool = True  # whether "not" before a choice denies it; a problem's words hold it themselves
    one_of: tuple[str, ...] = ()  # of many, the choices that exclude each other: vegan, vegetarian
    consents: bool = False  # an objection it `closes` ends only when the same value is named
    within: bool = False  # may stand inside a clause about something else: "no support for my high arches"

    def speaks(self, text: str) -> bool:
        """Whether a text (without accents) is about this."""
        return any(p and re.search(p, text, re.IGNORECASE) for p in (self.words, self.of))


class Catalogue:
    def __init__(self, attributes: Mapping[str, Attribute]) -> None:
        self._attributes = dict(attributes)

    def __contains__(self, name: str) -> bool:
        return name in self._attributes

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self._attributes.values())

    def get(self, name: str | None) -> Attribute | None:
        return self._attributes.get(name) if name else None

    def is_single(self, name: str) -> bool:
        """Whether a customer has one of these at a time, so that a newer one supersedes."""
        known = self._attributes.get(name)
        return known is not None and not known.many

    def sensitivity(self, category: Category, attribute: str | None) -> Sensitivity:
        """Of the attribute or of the category, whichever is stricter."""
        known = self.get(attribute)
        own = known.sensitivity if known else Sensitivity.NONE
        return max(own, _SENSITIVITIES.get(category, Sensitivity.NONE), key=list(Sensitivity).index)

    def lifetime(self, category: Category, attribute: str | None) -> timedelta | None:
        known = self.get(attribute)
        if known and known.lifetime:
            return known.lifetime
        days = _LIFETIMES.get(category)
        return timedelta(days=days) if days else None


@cache
def load_catalogue(extension: Path | None = None) -> Catalogue:
    """The catalogue shipped with the package, with a brand's own file on top.

    The brand's file has the same form; an attribute of the same name replaces ours.
    Raises `SetupError` when a file cannot be read or an entry is not understood.
    """
    shipped = files("recuerda.extraction").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    attributes = _parse(shipped, "catalogue.yaml")
    if extension is not None:
        try:
            attributes |= _parse(extension.read_text(encoding="utf-8"), str(extension))
        except OSError as error:
            raise SetupError(f"The catalogue {extension} cannot be read: {error.strerror}.") from error
    return Catalogue(attributes)


def _parse(text: str, name: str) -> dict[str, Attribute]:
    try:
        entries = parse_yaml(text) or {}
        return {key: _attribute(key, entry or {}) for key, entry in entries.items()}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError, re.error) as error:
        raise SetupError(f"The catalogue {name} is not understood: {error}.") from error


_KEYS = frozenset(
    {
        "category",
        "type",
        "many",
        "sensitivity",
        "days",
        "closes",
        "one_of",
        "choices",
        "words",
        "unless",
        "of",
        "within",
        "consents",
        "negatable",
    }
)


def _attribute(name: str, entry: dict[str, Any]) -> Attribute:
    if unknown := entry.keys() - _KEYS:
        raise ValueError(f"{name} has {', '.join(sorted(unknown))}")
    patterns = [str(entry.get(key, "")) for key in ("words", "unless", "of")]
    days = entry.get("days")
    choices = {str(k): str(v) for k, v in (entry.get("choices") or {}).items()}
    for pattern in (*patterns, *choices.values()):
        re.compile(pattern)
    return Attribute(
        name=name,
        category=Category(entry["category"]),
        type=entry.get("type", "choice" if choices else "text"),
        many=bool(entry.get("many", False)),
        sensitivity=Sensitivity(entry.get("sensitivity", "none")),
        lifetime=timedelta(days=float(days)) if days else None,
        closes=tuple(entry.get("closes", ())),
        one_of=tuple(entry.get("one_of", ())),
        choices=choices,
        words=patterns[0],
        unless=patterns[1],
        of=patterns[2],
        negatable=bool(entry.get("negatable", True)),
        within=bool(entry.get("within", False)),
        consents=bool(entry.get("consents", False)),
    )
