"""What a message wants: its sentences, each with an intent, by sure patterns and nearest examples."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from recuerda.embeddings import Embedder, Vectors
from recuerda.language import LANGUAGES, Language, fold
from recuerda.memory.concepts import concepts
from recuerda.memory.spelling import mend
from recuerda.turns.embedded.pieces import asks, pieces
from recuerda.yaml_files import read_yaml

_HELLO = re.compile(
    r"^(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|hola+|buenas(?: (?:tardes|noches))?|buen dia|"
    r"buenos dias|oi+|ola|bom dia|boa tarde|boa noite|e ai)(?: (?:there|equipo|pessoal|gente|a todos|team))?"
    r"(?:[ ,.!:;-]+|$))+"
)
_SAME_LANGUAGE = 0.04  # examples in the customer's language count a little more
# Intents that turn memory off and on.
SWITCHES: tuple[Literal["off_record", "stop_memory", "resume_memory"], ...] = (
    "off_record",
    "stop_memory",
    "resume_memory",
)
Slips = Mapping[str, str]
_NO_SLIPS: Slips = {}
_NEAREST = 3
_LEAST = 0.36  # below this similarity to every example a sentence is none of the intents


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence, or neighbours that want the same."""

    text: str
    mended: str  # with its mistyped words put right
    plain: str  # that, folded
    intent: str  # one of intents.yaml, or "none"
    sure: bool  # settled by a pattern
    question: bool
    score: float  # likeness to the intent's nearest examples; 1 when sure
    vector: Vectors


@cache
def _intents() -> dict[str, Any]:
    loaded: dict[str, Any] = read_yaml(Path(__file__).parent / "intents.yaml")
    return loaded


@cache
def _familiar() -> frozenset[str]:
    """The words of the examples: no slips, whatever the brand's texts say."""
    lines = (
        entry.get(lang, "") for key, entry in _intents().items() if key != "precedence" for lang in LANGUAGES
    )
    return frozenset(word for text in lines for word in re.findall(r"\w+", fold(text)))


@cache
def _sure() -> list[tuple[str, re.Pattern[str]]]:
    intents = _intents()
    order = [*intents["precedence"], "affirm", "deny"]
    return [(name, re.compile(re.sub(r"\|\s+", "|", intents[name]["sure"]))) for name in order]


def sure_intent(text: str) -> str | None:
    """Whether it turns memory off or on, or undoes, as far as patterns tell; no encoder needed."""
    wanted = (*SWITCHES, "undo")
    plain = [plain_of(piece) for piece in pieces(text)]
    return next((name for name, p in _sure() if name in wanted and any(map(p.search, plain))), None)


def plain_of(text: str) -> str:
    return re.sub(r"[¿¡\"“”«»]", "", fold(text)).strip(" .!?…,;:")


class Reader:
    def __init__(self, encoder: Embedder) -> None:
        self._encoder = encoder

    @cached_property
    def _examples(self) -> tuple[Vectors, list[str], list[str]]:
        """Vectors of all examples with their intents and languages; made once, at the first message."""
        rows = [
            (line, intent, language)
            for intent, entry in _intents().items()
            if intent != "precedence"
            for language in ("en", "es", "pt")
            for line in entry.get(language, "").splitlines()
            if line.strip()
        ]
        vectors = self._encoder.embed([fold_marks(line) for line, _, _ in rows])
        return vectors, [intent for _, intent, _ in rows], [language for _, _, language in rows]

    def read(self, message: str, language: Language, slips: Slips = _NO_SLIPS) -> list[Part]:
        """The message's parts in order, neighbours that tell the same joined; greetings apart. `slips` are
        its mistyped words and what they were meant to be."""
        slips = {typed: meant for typed, meant in slips.items() if fold(typed) not in _familiar()}
        parts: list[Part] = []
        for piece in pieces(message):
            parts += self._greeted(piece[:400], language, slips)
        return _joined(parts)

    def _greeted(self, piece: str, language: Language, slips: Slips) -> list[Part]:
        hello = _HELLO.match(fold(piece))
        if hello and hello.end() < len(fold(piece).rstrip(" .!?")):
            words = len(re.findall(r"\w+", hello[0]))
            rest = re.sub(rf"^\W*(?:\w+\W+){{{words}}}", "", piece)
            if rest and rest != piece:
                greeting = self._greeted(piece[: len(piece) - len(rest)], language, slips)
                return [*greeting, self.part(rest, language, slips)]
        return [self.part(piece, language, slips)]

    def part(self, text: str, language: Language, slips: Slips = _NO_SLIPS) -> Part:
        mended = mend(text, slips)
        plain = plain_of(mended)
        question = "?" in text or asks(plain)
        vector = self._encoder.embed([fold_marks(mended)])[0]
        intent = next((name for name, pattern in _sure() if pattern.search(plain)), None)
        if intent:
            return Part(text, mended, plain, intent, True, question, 1.0, vector)
        intent, score = self._nearest(vector, language, question)
        if intent == "smalltalk" and question and concepts(plain):
            intent = "question"  # "vocês parcelam?" is like "vocês estão bem?", and of the shop
        return Part(text, mended, plain, intent, False, question, score, vector)

    def _nearest(self, vector: Vectors, language: Language, question: bool) -> tuple[str, float]:
        examples, intents, languages = self._examples
        near = examples @ vector + _SAME_LANGUAGE * (np.array(languages) == language)
        scores: dict[str, list[float]] = {}
        for index in np.argsort(-near)[:40]:
            scores.setdefault(intents[index], []).append(float(near[index]))
        filler = [_LEAST - 0.1] * _NEAREST
        best = {name: float(np.mean((found + filler)[:_NEAREST])) for name, found in scores.items()}
        if question:
            best.pop("statement", None)
        intent = max(best, key=lambda name: best[name], default="none")
        score = best.get(intent, 0.0)
        return (intent, score) if score >= _LEAST else ("none", score)


def fold_marks(text: str) -> str:
    """The encoder hears shouting and marks as meaning; people type them or not."""
    return (
        re.sub(r"[¿¡!?]", "", text).strip().lower() if text.isupper() else re.sub(r"[¿¡!?]", "", text).strip()
    )


def together(parts: Sequence[Part]) -> Part:
    """Several as one, with the meaning of the last."""
    text, mended, plain = (" ".join(getattr(p, name) for p in parts) for name in ("text", "mended", "plain"))
    return replace(parts[-1], text=text, mended=mended, plain=plain, question=any(p.question for p in parts))


def _joined(parts: Sequence[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last and last.intent == part.intent and not (last.question or part.question):
            joined[-1] = together([last, part])
        else:
            joined.append(part)
    return joined
