"""The labelled conversations as training examples: gaps between words, and clauses."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.scorers.extraction import overlap, words_in
from evals.training import stories
from recuerda.extraction.clauses import SIZE, Clause, Judge, cut, gap_features, sentences
from recuerda.extraction.features import Message
from recuerda.extraction.tokens import hashed, tokenize

Conversation = dict[str, Any]
Span = tuple[int, int, tuple[str, ...]]
HERE = Path(__file__).parent
_GIVEN = 0.5  # weight of a labelled span that the product would cut otherwise


def load() -> list[Conversation]:
    """Those beside this file, one a line, and the talks of the stories."""
    return [*conversations(), *stories.conversations()]


def conversations() -> list[Conversation]:
    paths = sorted(HERE.glob("*/*.jsonl"))
    return [json.loads(line) for path in paths for line in path.open(encoding="utf-8") if line.strip()]


def customer_turns(conversation: Conversation) -> Iterator[tuple[int, str, str, str | None]]:
    """(index, text, text of the turn before, its role)."""
    turns = conversation["turns"]
    for i, turn in enumerate(turns):
        if turn["role"] == "customer":
            yield i, turn["text"], turns[i - 1]["text"] if i else "", turns[i - 1]["role"] if i else None


def gold_spans(conversation: Conversation, turn: int) -> list[Span]:
    """(start, end, categories) of the facts in a turn, without signs at the edges."""
    text = conversation["turns"][turn]["text"]
    spans = []
    for fact in conversation["facts"]:
        quote = fact["quote"].strip(".!,;: ")
        if fact["turn"] == turn and (at := text.find(quote)) >= 0:
            spans.append((at, at + len(quote), tuple(fact["categories"])))
    return spans


def never_spans(conversation: Conversation, turn: int) -> list[tuple[int, int]]:
    return _places(conversation["turns"][turn]["text"], conversation.get("never", ()))


def _places(text: str, phrases: Sequence[str]) -> list[tuple[int, int]]:
    stripped = [phrase.strip(".!,;:?¿ ") for phrase in phrases]
    return [(at, at + len(p)) for p in stripped if p and (at := text.find(p)) >= 0]


@dataclass(slots=True)
class Gaps:
    columns: list[list[int]]
    cuts: list[int]
    weights: list[float]
    groups: list[int]


def gaps(conversations: Sequence[Conversation]) -> Gaps:
    """Gaps inside and at the edges of labelled spans; what lies elsewhere nobody has judged.

    What is marked loosely may hold two clauses: it teaches what is a fact, not where one ends.
    """
    out = Gaps([], [], [], [])
    for group, conversation in enumerate(conversations):
        if conversation.get("loose"):
            continue
        for turn, text, _, _ in customer_turns(conversation):
            tokens = tokenize(text)
            spans = [(a, b, 1.0) for a, b, _ in gold_spans(conversation, turn)]
            spans += [(a, b, 0.5) for a, b in never_spans(conversation, turn)]
            verdicts: dict[int, tuple[int, float]] = {}
            edges: dict[int, tuple[int, float]] = {}
            for start, end, weight in spans:
                inside = [k for k, t in enumerate(tokens) if t.start < end and t.end > start]
                for k in inside[1:]:
                    verdicts.setdefault(k, (0, weight))
                if inside:
                    edges[inside[0]] = edges[inside[-1] + 1] = (1, weight)
            verdicts |= edges
            for first, last in sentences(text, tokens):
                for k in range(first + 1, last):
                    if k in verdicts:
                        out.columns.append(hashed(gap_features(tokens, first, last, k), SIZE))
                        out.cuts.append(verdicts[k][0])
                        out.weights.append(verdicts[k][1])
                        out.groups.append(group)
    return out


@dataclass(slots=True)
class Example:
    """A clause as the classifier sees it. `label` is None where it is neither a fact nor none."""

    group: int
    turn: int
    start: int
    end: int
    text: str
    message: str
    features: list[str]
    question: str  # "" unless the clause may answer it
    label: int | None
    categories: tuple[str, ...]  # any of which is right; the likeliest first
    predicted: bool  # cut by the product's own segmentation, not taken from the labels
    weight: float


def examples(group: int, conversation: Conversation, judge: Judge, cut_at: float) -> list[Example]:
    out: list[Example] = []
    weight = conversation.get("weight", 1.0)
    for turn, text, before, role in customer_turns(conversation):
        gold = gold_spans(conversation, turn)
        unjudged = _places(text, conversation.get("unjudged", ()))
        clauses = cut(text, judge, cut_at)
        own = len(clauses)
        known = {(c.start, c.end) for c in clauses}
        message = Message(text, clauses, before, role)
        for i, clause in enumerate(clauses):
            label, categories = _label(text, clause.start, clause.end, gold)
            if label == 0 and any(clause.start < b and clause.end > a for a, b in unjudged):
                label = None
            out.append(_example(group, turn, message, i, label, categories, True, weight))
        for start, end, label_, categories_ in [
            *((a, b, 1, c) for a, b, c in gold),
            *((a, b, 0, ()) for a, b in never_spans(conversation, turn)),
        ]:  # fmt: skip
            if (start, end) in known:
                continue
            placed, i = _with(clauses[:own], start, end)
            given = Message(text, placed, before, role)
            out.append(_example(group, turn, given, i, label_, categories_, False, weight * _GIVEN))
    return out


def _with(clauses: Sequence[Clause], start: int, end: int) -> tuple[list[Clause], int]:
    """The clauses with the labelled span in place of those it overlaps."""
    touched = [c for c in clauses if c.start < end and c.end > start]
    model = touched[0] if touched else Clause(start, end, 0, False, False)
    own = Clause(start, end, model.sentence, model.asked, model.quoted)
    placed = [c for c in clauses if c.end <= start] + [own] + [c for c in clauses if c.start >= end]
    return placed, placed.index(own)


def _label(text: str, start: int, end: int, gold: Sequence[Span]) -> tuple[int | None, tuple[str, ...]]:
    words = words_in(text, start, end)
    best = max(((overlap(words, words_in(text, a, b)), c) for a, b, c in gold), default=(0.0, ()))
    if best[0] > 0:
        return 1, best[1]
    return (None, ()) if any(start < b and end > a for a, b, _ in gold) else (0, ())


def _example(
    group: int,
    turn: int,
    message: Message,
    i: int,
    label: int | None,
    categories: tuple[str, ...],
    predicted: bool,
    weight: float,
) -> Example:
    clause = message.clauses[i]
    return Example(
        group, turn, clause.start, clause.end, message.text[clause.start : clause.end],
        message.text, message.features(i),
        message.question if message.answers(i) else "", label, categories, predicted, weight,
    )  # fmt: skip
