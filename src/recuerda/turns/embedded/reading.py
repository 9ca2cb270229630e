"""What a message wants: its sentences, each with an intent, by sure patterns and nearest examples."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from recuerda.embeddings import Embedder, Vectors
from recuerda.language import Language, fold
from recuerda.yaml_files import read_yaml

_BREAKS = re.compile(r"(?<=[.!?…])\s+|\n+|(?<=\S)\s*(?=¿)")
_HELLO = re.compile(
    r"^(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|hola+|buenas(?: (?:tardes|noches))?|buen dia|"
    r"buenos dias|oi+|ola|bom dia|boa tarde|boa noite|e ai)(?: (?:there|equipo|pessoal|gente|a todos|team))?"
    r"(?:[ ,.!:;-]+|$))+"
)
_ASKS = re.compile(
    r"^(?:y |e |and |so |pero |but |mas |entonces )?(?:"
    r"what|which|who|where|when|why|how|can|could|do|does|did|is|are|will|would|should|may|"
    r"que|cual(?:es)?|quien|donde|adonde|cuando|cuant[oa]s?|por que|como|puedo|puedes|pueden|"
    r"tienen|tienes|hay|se puede[n]?|sirve[n]?|a que hora|a partir|desde que|"
    r"o que|qual|quais|quem|onde|quando|quant[oa]s?|posso|pode[m]?|tem|ha|da (?:para|pra)|"
    r"voces|vcs|sera que|cade|que horas|ate que)\b"
)
_SAME_LANGUAGE = 0.04  # examples in the customer's language count a little more
# Intents that turn memory off and on.
SWITCHES: tuple[Literal["off_record", "stop_memory", "resume_memory"], ...] = (
    "off_record",
    "stop_memory",
    "resume_memory",
)
_NEAREST = 3
_LEAST = 0.36  # below this similarity to every example a sentence is none of the intents


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence, or neighbours that want the same."""

    text: str
    plain: str  # folded
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
def _sure() -> list[tuple[str, re.Pattern[str]]]:
    intents = _intents()
    order = [*intents["precedence"], "affirm", "deny"]
    return [(name, re.compile(re.sub(r"\|\s+", "|", intents[name]["sure"]))) for name in order]


def sure_intent(text: str) -> str | None:
    """Whether it turns memory off or on, or undoes, as far as patterns tell; no encoder needed."""
    wanted = (*SWITCHES, "undo")
    plain = [_plain(piece) for piece in _BREAKS.split(text)[:6]]
    return next((name for name, p in _sure() if name in wanted and any(map(p.search, plain))), None)


def _plain(text: str) -> str:
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

    def read(self, message: str, language: Language) -> list[Part]:
        """The message's parts in order, neighbours with the same intent joined; greetings apart."""
        pieces = [piece.strip() for piece in _BREAKS.split(message) if re.search(r"\w", piece)]
        parts: list[Part] = []
        for piece in pieces[:6]:
            parts += self._greeted(piece[:400], language)
        return _joined(parts)

    def _greeted(self, piece: str, language: Language) -> list[Part]:
        hello = _HELLO.match(fold(piece))
        if hello and hello.end() < len(fold(piece).rstrip(" .!?")):
            words = len(re.findall(r"\w+", hello[0]))
            rest = re.sub(rf"^\W*(?:\w+\W+){{{words}}}", "", piece)
            if rest and rest != piece:
                return [*self._greeted(piece[: len(piece) - len(rest)], language), self.part(rest, language)]
        return [self.part(piece, language)]

    def part(self, text: str, language: Language) -> Part:
        plain = _plain(text)
        question = "?" in text or bool(_ASKS.match(plain))
        vector = self._encoder.embed([fold_marks(text)])[0]
        intent = next((name for name, pattern in _sure() if pattern.search(plain)), None)
        if intent:
            return Part(text, plain, intent, True, question, 1.0, vector)
        intent, score = self._nearest(vector, language, question)
        return Part(text, plain, intent, False, question, score, vector)

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


def _joined(parts: Sequence[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last and last.intent == part.intent and last.question == part.question:
            joined[-1] = replace(last, text=f"{last.text} {part.text}", plain=f"{last.plain} {part.plain}")
        else:
            joined.append(part)
    return joined
