"""The trained classifiers: where clauses end, which are facts, of which category. Weights ship as one file.

Linear models over the clause's sentence vector, the vector of the question it answers, and hashed words.
Made by `python -m evals.training.extraction.train`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from recuerda.embeddings import Vectors
from recuerda.models import Category

CATEGORIES: tuple[Category, ...] = tuple(Category)
# How much each part counts beside the others; the training uses the same.
VECTOR_SCALE, WORDS_SCALE = 4.0, 6.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    gap_words: Floats  # (columns,)
    gap_bias: float
    cut_at: float  # a gap of at least this probability ends a clause
    dense: Floats  # (1024, 1 + categories): fact or not, then each category
    words: Floats  # (columns, 1 + categories)
    bias: Floats  # (1 + categories,)
    fact_at: float  # a clause of at least this probability is a fact
    embedder: str


class Model:
    """Loaded at first use, then read by any thread."""

    @cached_property
    def weights(self) -> Weights:
        with files("recuerda.extraction").joinpath("weights.npz").open("rb") as file, np.load(file) as data:
            return Weights(
                gap_words=data["gap_words"].astype(np.float32),
                gap_bias=float(data["gap_bias"]),
                cut_at=float(data["cut_at"]),
                dense=data["dense"].astype(np.float32),
                words=data["words"].astype(np.float32),
                bias=data["bias"].astype(np.float32),
                fact_at=float(data["fact_at"]),
                embedder=str(data["embedder"]),
            )

    def cuts(self, gaps: Sequence[Sequence[int]]) -> Sequence[float]:
        """Probability that a clause ends at each gap, given its feature columns."""
        words = self.weights.gap_words
        scores = np.array([words[list(g)].sum() for g in gaps]) + self.weights.gap_bias
        return [float(p) for p in _sigmoid(scores)]

    def judge(
        self, clauses: Vectors, questions: Vectors, words: Sequence[Sequence[int]]
    ) -> tuple[Floats, Floats]:
        """Probability that each clause is a fact, shape (n,), and of each category, shape (n, categories)."""
        weights = self.weights
        scores = np.hstack([clauses, questions]) * VECTOR_SCALE @ weights.dense + weights.bias
        for i, columns in enumerate(words):
            scores[i] += weights.words[list(columns)].sum(axis=0) * (
                WORDS_SCALE / max(len(columns), 1) ** 0.5
            )
        facts = _sigmoid(scores[:, 0])
        odds = np.exp(scores[:, 1:] - scores[:, 1:].max(axis=1, keepdims=True))
        return facts, np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)


def _sigmoid(scores: NDArray[np.floating]) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(scores, -30, 30))), np.float32)
