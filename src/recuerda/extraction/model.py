"""The trained classifiers: where clauses end, which are facts, of which category. Weights ship as one file.

First each clause by itself: linear models over how near its sentence vector is to some of the training
clauses, the vectors of the question it answers and of its message, and hashed words. Then each in the light
of the others: in a message that is all questions a lone statement is rarely a fact, and among facts a
doubtful one often is.
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
NEAR_SCALE, QUESTION_SCALE, MESSAGE_SCALE, WORDS_SCALE = 8.0, 3.0, 2.0, 6.0
_WIDTH = 2.0  # how fast nearness falls with the squared distance of two vectors

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    gap_words: Floats  # (columns,)
    gap_bias: float
    cut_at: float  # a gap of at least this probability ends a clause
    landmarks: Floats  # (clauses, 512)
    dense: Floats  # (clauses + 2 * 512, 1 + categories): fact or not, then each category
    words: Floats  # (columns, 1 + categories)
    bias: Floats  # (1 + categories,)
    company: Floats  # (columns of `in_company`,)
    company_bias: float
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
                landmarks=data["landmarks"].astype(np.float32),
                dense=data["dense"].astype(np.float32),
                words=data["words"].astype(np.float32),
                bias=data["bias"].astype(np.float32),
                company=data["company"].astype(np.float32),
                company_bias=float(data["company_bias"]),
                fact_at=float(data["fact_at"]),
                embedder=str(data["embedder"]),
            )

    def cuts(self, gaps: Sequence[Sequence[int]]) -> Sequence[float]:
        """Probability that a clause ends at each gap, given its feature columns."""
        words = self.weights.gap_words
        scores = np.array([words[list(g)].sum() for g in gaps]) + self.weights.gap_bias
        return [float(p) for p in _sigmoid(scores)]

    def judge(
        self, clauses: Vectors, questions: Vectors, messages: Vectors, words: Sequence[Sequence[int]]
    ) -> tuple[Floats, Floats]:
        """Log-odds that each clause is a fact, shape (n,), and of each category, shape (n, categories)."""
        weights = self.weights
        seen = np.hstack([nearness(clauses, weights.landmarks), *context_blocks(questions, messages)])
        scores = seen @ weights.dense + weights.bias
        for i, columns in enumerate(words):
            scores[i] += weights.words[list(columns)].sum(axis=0) * (
                WORDS_SCALE / max(len(columns), 1) ** 0.5
            )
        odds = np.exp(scores[:, 1:] - scores[:, 1:].max(axis=1, keepdims=True))
        return scores[:, 0], np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)

    def together(
        self, odds: Sequence[float], categories: Floats, answers: Sequence[bool], others: Sequence[float]
    ) -> Floats:
        """Probability that each clause of a message is a fact, given what was found of its neighbours.

        `others`: log-odds of the clauses of the conversation's other messages.
        """
        rows = in_company(odds, categories, answers, others)
        return _sigmoid(rows @ self.weights.company + self.weights.company_bias)


def nearness(clauses: Vectors, landmarks: Vectors) -> Floats:
    """How near each clause is to each landmark, 0 to 1; shape (clauses, landmarks). Vectors are unit long."""
    return np.asarray(np.exp(-2 * _WIDTH * np.maximum(1 - clauses @ landmarks.T, 0)), np.float32)


def context_blocks(questions: Vectors, messages: Vectors) -> tuple[Floats, Floats]:
    return questions * QUESTION_SCALE, messages * MESSAGE_SCALE


_FAR = 8.0  # log-odds beyond say no more


def in_company(
    odds: Sequence[float], categories: Floats, answers: Sequence[bool], others: Sequence[float]
) -> Floats:
    """What the second step sees of the clauses of one message, in order; shape (n, columns)."""
    own = np.clip(np.asarray(odds, np.float32), -_FAR, _FAR)
    rest = np.clip(np.asarray(others, np.float32), -_FAR, _FAR)
    far = [float(rest.mean()), float(rest.max()), 1.0] if len(rest) else [0.0, -3.0, 0.0]
    rows = []
    for i, value in enumerate(own):
        mates = np.delete(own, i)
        answer = float(answers[i])
        row = [
            value, max(value, 0.0),
            own[i - 1] if i else 0.0, float(i == 0),
            own[i + 1] if i + 1 < len(own) else 0.0, float(i + 1 == len(own)),
            float(mates.mean()) if len(mates) else 0.0, float(mates.max()) if len(mates) else -3.0,
            float(len(mates) == 0), *far, answer,
        ]  # fmt: skip
        rows.append([*row, *(x * answer for x in row[:-1]), *(2 * categories[i])])
    return np.array(rows, np.float32)


def _sigmoid(scores: NDArray[np.floating]) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(scores, -30, 30))), np.float32)
