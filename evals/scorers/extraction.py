"""How right extracted facts are: F1, categories, leaks and conversations left clean.

A prediction hits a gold fact of the same turn when it covers at least 60% of its words and is not longer
than twice the gold plus four words, so that quoting the whole message scores nothing. One prediction may
hit one fact and one fact be hit once; pairs are taken best overlap first. A leak is a forbidden span of
which a prediction holds half the words or more.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

COVER = 0.6
_WORD = re.compile(r"\w+")


@dataclass(slots=True)
class Score:
    hits: int = 0
    predicted: int = 0
    gold: int = 0
    category_right: int = 0
    leaks: int = 0
    forbidden: int = 0
    clean: int = 0
    fact_free: int = 0
    wrong: list[str] = field(default_factory=list)  # predictions that hit nothing, for reading
    missed: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.hits / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.hits / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        both = self.predicted + self.gold
        return 2 * self.hits / both if both else 1.0

    @property
    def category(self) -> float:
        return self.category_right / self.hits if self.hits else 1.0

    def as_row(self) -> dict[str, float | int]:
        return {
            "f1": round(self.f1, 4),
            "precision": round(self.precision, 4),
            "recall": round(self.recall, 4),
            "category": round(self.category, 4),
            "leaks": self.leaks,
            "forbidden": self.forbidden,
            "clean": self.clean,
            "fact_free": self.fact_free,
            "facts": self.gold,
        }


def words_in(text: str, start: int, end: int) -> set[int]:
    """Places of the words of `text` that touch [start, end)."""
    return {m.start() for m in _WORD.finditer(text) if m.start() < end and m.end() > start}


def span_of(conversation: Mapping[str, Any], quote: str, turn: int | None) -> tuple[int, set[int]] | None:
    """The customer turn a quote is in, and its words there."""
    for i, said in enumerate(conversation["turns"]):
        if said["role"] == "customer" and turn in (None, i) and (at := said["text"].find(quote)) >= 0:
            return i, words_in(said["text"], at, at + len(quote))
    return None


def overlap(predicted: set[int], gold: set[int]) -> float:
    """Intersection over union when the one hits the other, otherwise 0."""
    both = len(predicted & gold)
    if not gold or both < COVER * len(gold) or len(predicted) > 2 * len(gold) + 4:
        return 0.0
    return both / len(predicted | gold)


def score(
    pairs: Iterable[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]], into: Score | None = None
) -> Score:
    """`pairs`: each conversation with the facts extracted from it (quote, turn, start, end, category)."""
    total = into or Score()
    for conversation, facts in pairs:
        _score_one(total, conversation, facts)
    return total


def _score_one(total: Score, conversation: Mapping[str, Any], facts: Sequence[Mapping[str, Any]]) -> None:
    texts = [t["text"] for t in conversation["turns"]]
    predicted = [(f["turn"], words_in(texts[f["turn"]], f["start"], f["end"])) for f in facts]
    golds = [(g, span_of(conversation, g["quote"], g.get("turn"))) for g in conversation["facts"]]
    ranked = sorted(
        (
            (overlap(words, span[1]), p, g)
            for p, (turn, words) in enumerate(predicted)
            for g, (_, span) in enumerate(golds)
            if span is not None and span[0] == turn
        ),
        key=lambda pair: -pair[0],
    )
    used: set[int] = set()
    met: set[int] = set()
    for value, p, g in ranked:
        if value > 0 and p not in used and g not in met:
            used.add(p)
            met.add(g)
            total.category_right += facts[p]["category"] in golds[g][0]["categories"]
    total.hits += len(met)
    total.predicted += len(facts)
    total.gold += len(golds)
    where = conversation["id"]
    total.wrong += [f"{where}: {f['quote']}" for p, f in enumerate(facts) if p not in used]
    total.missed += [f"{where}: {g['quote']}" for i, (g, _) in enumerate(golds) if i not in met]
    for phrase in conversation.get("never", ()):
        total.forbidden += 1
        span = span_of(conversation, phrase, None)
        if span and any(
            turn == span[0] and 2 * len(words & span[1]) >= len(span[1]) for turn, words in predicted
        ):
            total.leaks += 1
    if not golds:
        total.fact_free += 1
        total.clean += not facts
