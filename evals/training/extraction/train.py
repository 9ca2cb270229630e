"""Train the embedded extractor: `python -m evals.training.extraction.train --at 0.6`.

Cross-validates by trade, so that what is tested is of a kind the training never saw; prints F1, leaks and
clean conversations per language, then trains on everything and writes the weights into the package and a
report beside this file. Needs scikit-learn.
Same data, same seed, same weights.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack  # type: ignore[import-untyped,import-not-found,unused-ignore]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped,import-not-found,unused-ignore]

from evals.scorers.extraction import Score, score
from evals.training.extraction import data
from evals.training.extraction.data import HERE, Conversation, Example, examples, gaps
from recuerda.embeddings import SentenceEncoder
from recuerda.extraction.clauses import SIZE as GAP_SIZE
from recuerda.extraction.features import OWN, SIZE
from recuerda.extraction.model import (
    CATEGORIES,
    NEAR_SCALE,
    WORDS_SCALE,
    context_blocks,
    in_company,
    nearness,
)
from recuerda.extraction.tokens import hashed

SEED, FOLDS, CUT_AT, LANDMARKS = 7, 5, 0.6, 2000
GAP_C, FACT_C, CATEGORY_C, COMPANY_C = 0.3, 0.3, 1.0, 1.0
WEIGHTS = Path(__file__).parents[3] / "src/recuerda/extraction/weights.npz"
Array = NDArray[Any]


def sparse(rows: Sequence[Sequence[int]], size: int) -> csr_matrix:
    ends = np.cumsum([0, *(len(r) for r in rows)])
    columns = np.fromiter((c for r in rows for c in r), np.int64, int(ends[-1]))
    return csr_matrix((np.ones(len(columns), np.float32), columns, ends), shape=(len(rows), size))


def train_gaps(conversations: Sequence[Conversation]) -> LogisticRegression:
    known = gaps(conversations)
    return LogisticRegression(C=GAP_C, max_iter=300).fit(
        sparse(known.columns, GAP_SIZE), known.cuts, known.weights
    )


def judge(model: LogisticRegression) -> Any:
    weights, bias = model.coef_[0], model.intercept_[0]
    return lambda gaps_: [1 / (1 + np.exp(-(weights[g].sum() + bias))) for g in gaps_]


def _texts(example: Example) -> tuple[str, str, str]:
    return example.text, example.question, example.message


class Table:
    """Examples as the linear classifiers read them."""

    def __init__(self, found: Sequence[Example], embedder: SentenceEncoder) -> None:
        vectors: dict[str, Array] = {"": np.zeros(embedder.dimensions, np.float32)}
        texts = sorted({t for e in found for t in _texts(e) if t})
        for i in range(0, len(texts), 64):
            vectors.update(zip(texts[i : i + 64], embedder.embed(texts[i : i + 64]), strict=True))
        words = sparse([hashed(e.features, SIZE) for e in found], SIZE)
        own = sparse([hashed([f for f in e.features if f[0] in OWN], SIZE) for e in found], SIZE)
        scale = WORDS_SCALE / np.sqrt(np.asarray(words.sum(axis=1)).ravel())[:, None]
        clauses, questions, messages = (
            np.array([vectors[t] for t in column]) for column in zip(*map(_texts, found), strict=True)
        )
        mine = [i for i, e in enumerate(found) if e.predicted]
        chosen = np.random.default_rng(SEED).choice(mine, min(LANDMARKS, len(mine)), replace=False)
        self.landmarks = clauses[np.sort(chosen)].astype(np.float16).astype(np.float32)
        self.whiten = NEAR_SCALE * _whitening(nearness(self.landmarks, self.landmarks))
        dense = csr_matrix(
            np.hstack([nearness(clauses, self.landmarks) @ self.whiten, *context_blocks(questions, messages)])
        )
        self.x = hstack([dense, words.multiply(scale)]).tocsr()
        # What a clause is about it says itself; its neighbours only tell whether it is a fact.
        self.own = hstack([dense, own.multiply(scale)]).tocsr()
        self.answers = np.array([bool(e.question) for e in found])
        self.label = np.array([-1 if e.label is None else e.label for e in found])
        self.categories = [e.categories for e in found]
        self.weight = np.array([e.weight for e in found])
        self.group = np.array([e.group for e in found])


def _whitening(between: Array) -> Array:
    """Makes nearness to landmarks, many of them alike, into as many independent directions."""
    values, directions = np.linalg.eigh(between.astype(np.float64))
    return np.asarray(directions / np.sqrt(np.maximum(values, 1e-3)), np.float32)


def fit(table: Table, rows: Array) -> tuple[LogisticRegression, LogisticRegression]:
    known = rows & (table.label >= 0)
    fact = LogisticRegression(C=FACT_C, max_iter=100, tol=1e-3)
    fact.fit(table.x[known], table.label[known], table.weight[known])
    # A fact of several categories teaches each of them a share, the likeliest twice that of the others.
    lessons = [
        (i, c, table.weight[i] * (2 if k == 0 else 1) / (len(table.categories[i]) + 1))
        for i in np.flatnonzero(rows & (table.label == 1))
        for k, c in enumerate(table.categories[i])
    ]
    where, which, weight = zip(*lessons, strict=True)
    category = LogisticRegression(C=CATEGORY_C, max_iter=100, tol=1e-3)
    category.fit(table.own[list(where)], which, weight)
    return fact, category


def ordered(model: LogisticRegression, values: Array) -> Array:
    """Columns or rows of the model's classes in the order of `CATEGORIES`."""
    return values[..., [list(model.classes_).index(c.value) for c in CATEGORIES]]


def company(found: Sequence[Example], table: Table, odds: Array, categories: Array) -> Array:
    """The second step's view of every example of the product's own segmentation; zeros for the others."""
    turns: dict[tuple[int, int], list[int]] = {}
    for i, example in enumerate(found):
        if example.predicted:
            turns.setdefault((example.group, example.turn), []).append(i)
    rows: dict[int, Array] = {}
    for (group, turn), mine in turns.items():
        others = [odds[i] for (g, t), rest in turns.items() if g == group and t != turn for i in rest]
        rows |= dict(
            zip(
                mine,
                in_company(list(odds[mine]), categories[mine], list(table.answers[mine]), others),
                strict=True,
            )
        )
    none = np.zeros_like(next(iter(rows.values())))
    return np.array([rows.get(i, none) for i in range(len(found))])


def fit_company(found: Sequence[Example], table: Table, rows: Array, where: Array) -> LogisticRegression:
    known = where & (table.label >= 0) & np.array([e.predicted for e in found])
    return LogisticRegression(C=COMPANY_C, max_iter=1000).fit(rows[known], table.label[known])


@dataclass(slots=True)
class Judged:
    """Every example judged by classifiers that never saw its conversation."""

    found: list[Example]
    table: Table
    rows: Array  # of the second step
    probability: Array
    category: Array


def _folds(conversations: Sequence[Conversation]) -> Array:
    """Whole trades are left out; what belongs to none is dealt one by one."""
    rng = np.random.default_rng(SEED)
    trades = sorted({c["trade"] for c in conversations} - {"any"})
    of = dict(zip(rng.permutation(trades), np.arange(len(trades)) % FOLDS, strict=True))
    return np.array([of.get(c["trade"], rng.integers(0, FOLDS)) for c in conversations])


def cross_validate(conversations: Sequence[Conversation], embedder: SentenceEncoder) -> Judged:
    folds = _folds(conversations)
    found: list[Example] = []
    for k in range(FOLDS):
        segmenter = judge(train_gaps([c for c, f in zip(conversations, folds, strict=True) if f != k]))
        for i in np.flatnonzero(folds == k):
            found += examples(int(i), conversations[int(i)], segmenter, CUT_AT)
    table = Table(found, embedder)
    of = folds[table.group]
    odds, categories = np.zeros(len(found)), np.zeros((len(found), len(CATEGORIES)))
    for k in range(FOLDS):
        test = of == k
        fact, which = fit(table, ~test)
        odds[test] = fact.decision_function(table.x[test])
        categories[test] = ordered(which, which.predict_proba(table.own[test]))
    rows, probability = company(found, table, odds, categories), np.zeros(len(found))
    for k in range(FOLDS):
        second = fit_company(found, table, rows, of != k)
        probability[of == k] = second.predict_proba(rows[of == k])[:, 1]
    names = np.array([c.value for c in CATEGORIES])
    return Judged(found, table, rows, probability, names[categories.argmax(axis=1)])


def scored(
    conversations: Sequence[Conversation],
    judged: Judged,
    at: float,
    language: str | None = None,
) -> Score:
    predicted: dict[int, list[dict[str, Any]]] = {}
    for example, p, c in zip(judged.found, judged.probability, judged.category, strict=True):
        if example.predicted and p >= at:
            predicted.setdefault(example.group, []).append(
                {
                    "quote": example.text,
                    "turn": example.turn,
                    "start": example.start,
                    "end": example.end,
                    "category": c,
                }
            )
    return score(
        (c, predicted.get(i, [])) for i, c in enumerate(conversations) if language in (None, c["lang"])
    )


def write(
    path: Path,
    conversations: Sequence[Conversation],
    embedder: SentenceEncoder,
    judged: Judged,
    fact_at: float,
) -> None:
    """Train on everything and save. The second step learns from what the first says of the unseen."""
    second = fit_company(judged.found, judged.table, judged.rows, np.ones(len(judged.found), bool))
    segmenter = train_gaps(conversations)
    cut = judge(segmenter)
    found = [e for i, c in enumerate(conversations) for e in examples(i, c, cut, CUT_AT)]
    table = Table(found, embedder)
    fact, category = fit(table, np.ones(len(found), bool))
    order = [list(category.classes_).index(c.value) for c in CATEGORIES]
    coefficients = np.vstack([fact.coef_, category.coef_[order]]).T
    marks = len(table.landmarks)
    coefficients = np.vstack([table.whiten @ coefficients[:marks], coefficients[marks:]])
    dense = marks + 2 * embedder.dimensions
    np.savez_compressed(
        path,
        gap_words=segmenter.coef_[0].astype(np.float16),
        gap_bias=np.float32(segmenter.intercept_[0]),
        cut_at=np.float32(CUT_AT),
        landmarks=table.landmarks.astype(np.float16),
        dense=coefficients[:dense].astype(np.float32),
        words=coefficients[dense:].astype(np.float16),
        bias=np.concatenate([fact.intercept_, category.intercept_[order]]).astype(np.float32),
        company=second.coef_[0].astype(np.float32),
        company_bias=np.float32(second.intercept_[0]),
        fact_at=np.float32(fact_at),
        embedder=np.str_(embedder.name),
    )


def _bar(conversations: Sequence[Conversation], judged: Judged) -> float:
    """The highest bar that costs at most half a point of F1: a wrong memory hurts more than a missing one."""
    steps = [round(float(x), 2) for x in np.arange(0.3, 0.8, 0.02)]
    f1 = {at: scored(conversations, judged, at).f1 for at in steps}
    return max(at for at in steps if f1[at] >= max(f1.values()) - 0.005)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", type=Path, help="where to write what went wrong, for reading")
    parser.add_argument(
        "--at", type=float, help="probability from which a clause is a fact; best F1 when left out"
    )
    parser.add_argument(
        "--without-stories",
        action="store_true",
        help="so that `evals.training.updates.train` hears them anew",
    )
    arguments = parser.parse_args()
    conversations = data.conversations() if arguments.without_stories else data.load()
    embedder = SentenceEncoder()
    judged = cross_validate(conversations, embedder)
    at = arguments.at or _bar(conversations, judged)
    total = scored(conversations, judged, at)
    report: dict[str, Any] = {"conversations": len(conversations), "fact_at": at, "all": total.as_row()}
    for language in ("en", "es", "pt"):
        report[language] = scored(conversations, judged, at, language).as_row()
    print(json.dumps(report, indent=1))
    (HERE / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    if arguments.errors:
        arguments.errors.write_text("\n".join(["WRONG", *total.wrong, "", "MISSED", *total.missed]))
    write(WEIGHTS, conversations, embedder, judged, at)


if __name__ == "__main__":
    main()
