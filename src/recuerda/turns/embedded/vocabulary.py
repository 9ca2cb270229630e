"""Words for products and facts, per language: read from `vocabulary`, both to understand and to say."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from recuerda.language import Language
from recuerda.yaml_files import read_yaml

_HERE = Path(__file__).parent
SHOE_SIZE = "shoe_size"
# "is there a Rambla 44?": a short question that ends in what can only be a size; ages are told with a verb.
_BARE_SIZE = re.compile(
    r"^(?!.*\b(?:tengo|tiene|tenho|age|aged|anos?|km|k)\b).*\b((?:3[4-9]|4[0-9])(?:[.,]5)?)$"
)
_FEW = 6  # words
_SHAPES = {"again", "agrees", "declines", "compare"}
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Attribute:
    label: str  # "your size"
    words: re.Pattern[str]  # how a customer refers to it
    say: str  # "size {value}"; "{value}" when there is nothing better
    now: str  # the same while the customer is telling it
    reason: str | None  # how a product that matches is praised, when not "it is made for ..."
    find: re.Pattern[str]  # its value in a message, as the first group
    values: dict[str, tuple[str, re.Pattern[str]]]  # value -> (how it is said, how a customer says it)
    said: bool  # whether `say` or `values` tell how to say it


@dataclass(frozen=True, slots=True)
class Vocabulary:
    attributes: dict[str, Attribute]
    kinds: dict[str, tuple[str, re.Pattern[str]]]
    categories: dict[str, str]
    subjects: dict[str, tuple[str, re.Pattern[str]]]
    cues: dict[str, re.Pattern[str]]  # all, cheapest, price, available, returned, bought, sell, several

    @property
    def patterns(self) -> list[re.Pattern[str]]:
        """What explains words of a request: not the shapes of a whole message."""
        values = (p for a in self.attributes.values() for _, p in a.values.values())
        words = (pattern for a in self.attributes.values() for pattern in (a.find, a.words))
        named = (pattern for group in (self.kinds, self.subjects) for _, pattern in group.values())
        return [*values, *words, *named, *(p for cue, p in self.cues.items() if cue not in _SHAPES)]

    def wishes_in(self, plain: str) -> dict[str, set[str]]:
        """Attribute -> values that a message (folded) speaks of."""
        found: dict[str, set[str]] = {}
        for name, attribute in self.attributes.items():
            values = {value for value, (_, pattern) in attribute.values.items() if pattern.search(plain)}
            if match := attribute.find.search(plain):
                values.add(normal(match[1]))
            if values:
                found[name] = values
        if SHOE_SIZE not in found and (bare := _BARE_SIZE.search(plain)) and len(plain.split()) <= _FEW:
            found[SHOE_SIZE] = {normal(bare[1])}
        return found

    def attributes_in(self, plain: str) -> list[str]:
        """Attributes a message refers to, by themselves or by a value."""
        return [
            name
            for name, attribute in self.attributes.items()
            if attribute.words.search(plain) or any(p.search(plain) for _, p in attribute.values.values())
        ]

    def kinds_in(self, plain: str) -> list[str]:
        found = [(match.start(), kind) for kind, (_, p) in self.kinds.items() if (match := p.search(plain))]
        return [kind for _, kind in sorted(found)]

    def subject_in(self, plain: str) -> str | None:
        """Whom in the household a message is about; None for the customer."""
        return next((who for who, (_, pattern) in self.subjects.items() if pattern.search(plain)), None)

    def phrase(self, attribute: str | None, value: str | None, *, now: bool = False) -> str | None:
        """How a fact is said: `shoe_size`, `42` -> "talla 42"; None when only its own words will do."""
        known = self.attributes.get(attribute or "")
        if known is None or value is None or value == "no" or not known.said:
            return None
        if value in known.values:
            return known.values[value][0]
        if known.values:
            return None
        return (known.now if now else known.say).format(value=value)

    def label(self, attribute: str | None) -> str | None:
        known = self.attributes.get(attribute or "")
        return known.label if known else None


def normal(value: str) -> str:
    """Values as the catalogue writes them: `9,5` -> `9.5`, `xl` -> `XL`."""
    value = value.strip().replace(",", ".").removesuffix(".0")
    return value.upper() if value.lower() in {"xs", "s", "m", "l", "xl", "xxl"} else value


def _pattern(source: str | None) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{source})(?!\w)") if source else _NEVER


def _attribute(raw: dict[str, Any]) -> Attribute:
    say = raw.get("say", "")
    values = {v: (entry["say"], _pattern(entry["words"])) for v, entry in raw.get("values", {}).items()}
    return Attribute(
        label=raw["label"],
        words=_pattern(raw.get("words")),
        say=say or raw.get("now", "{value}"),
        now=raw.get("now") or say or "{value}",
        reason=raw.get("reason"),
        find=re.compile(raw["find"]) if "find" in raw else _NEVER,
        values=values,
        said=bool(say or raw.get("now") or values),
    )


@cache
def vocabulary(language: Language) -> Vocabulary:
    raw = read_yaml(_HERE / "vocabulary" / f"{language}.yaml")
    named = {"kinds", "attributes", "categories", "subjects"}
    return Vocabulary(
        attributes={name: _attribute(entry) for name, entry in raw["attributes"].items()},
        kinds={kind: (entry["say"], _pattern(entry["words"])) for kind, entry in raw["kinds"].items()},
        categories=raw["categories"],
        subjects={
            who: (entry["say"], _pattern(f"(?:{raw['my']}) (?:{entry['words']})"))
            for who, entry in raw["subjects"].items()
        },
        cues={cue: _pattern(source) for cue, source in raw.items() if cue not in named},
    )
