"""Train the embedded extractor: `python -m evals.training.extraction.train`.

Cross-validates by conversation, prints F1, leaks and clean conversations per language, then trains on
everything and writes the weights into the package and a report beside this file. Needs scikit-learn.
Same data, same seed, same weights.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from evals.scorers.extraction import Score, score
from evals.training.extraction.data import HERE, Conversation, Example, examples, gaps, load
from recuerda.embeddings import SentenceEncoder
from recuerda.extraction.clauses import SIZE as GAP_SIZE
from recuerda.extraction.features import SIZE
from recuerda.extraction.model import CATEGORIES, VECTOR_SCALE, WORDS_SCALE
from recuerda.extraction.tokens import hashed

SEED, FOLDS, CUT_AT = 7, 5, 0.5
GAP_C, FACT_C = 0.3, 0.3
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


class Table:
    """Examples as the linear classifiers read them."""

    def __init__(self, found: Sequence[Example], embedder: SentenceEncoder) -> None:
        vectors: dict[str, Array] = {"": np.zeros(embedder.dimensions, np.float32)}
        texts = sorted({t for e in found for t in (e.text, e.question) if t})
        for i in range(0, len(texts), 64):
            vectors.update(zip(texts[i : i + 64], embedder.embed(texts[i : i + 64]), strict=True))
        words = sparse([hashed(e.features, SIZE) for e in found], SIZE)
        scale = WORDS_SCALE / np.sqrt(np.asarray(words.sum(axis=1)).ravel())
        dense = np.hstack([[vectors[e.text] for e in found], [vectors[e.question] for e in found]])
        self.x = hstack([csr_matrix(dense * VECTOR_SCALE), words.multiply(scale[:, None])]).tocsr()
        self.label = np.array([-1 if e.label is None else e.label for e in found])
        self.category = np.array([e.category or "" for e in found])
        self.weight = np.array([1.0 if e.predicted else 0.5 for e in found])
        self.group = np.array([e.group for e in found])


def fit(table: Table, rows: Array) -> tuple[LogisticRegression, LogisticRegression]:
    known, facts = rows & (table.label >= 0), rows & (table.label == 1)
    fact = LogisticRegression(C=FACT_C, max_iter=400)
    fact.fit(table.x[known], table.label[known], table.weight[known])
    category = LogisticRegression(C=FACT_C, max_iter=300)
    category.fit(table.x[facts], table.category[facts], table.weight[facts])
    return fact, category


def cross_validate(
    conversations: Sequence[Conversation], embedder: SentenceEncoder
) -> tuple[Sequence[Example], Array, Array]:
    """Every conversation judged by classifiers that never saw it: examples, probabilities, categories."""
    folds = np.random.default_rng(SEED).integers(0, FOLDS, len(conversations))
    found: list[Example] = []
    for k in range(FOLDS):
        segmenter = judge(train_gaps([c for c, f in zip(conversations, folds, strict=True) if f != k]))
        for i in np.flatnonzero(folds == k):
            found += examples(int(i), conversations[i], segmenter, CUT_AT)
    table = Table(found, embedder)
    of = folds[table.group]
    probability, category = np.zeros(len(found)), np.array([""] * len(found), dtype=object)
    for k in range(FOLDS):
        test = of == k
        fact, which = fit(table, ~test)
        probability[test] = fact.predict_proba(table.x[test])[:, 1]
        category[test] = which.predict(table.x[test])
    return found, probability, category


def scored(
    conversations: Sequence[Conversation],
    found: Sequence[Example],
    probability: Array,
    category: Array,
    at: float,
    language: str | None = None,
) -> Score:
    predicted: dict[int, list[dict[str, Any]]] = {}
    for example, p, c in zip(found, probability, category, strict=True):
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
    path: Path, conversations: Sequence[Conversation], embedder: SentenceEncoder, fact_at: float
) -> None:
    """Train on everything and save."""
    segmenter = train_gaps(conversations)
    cut = judge(segmenter)
    found = [e for i, c in enumerate(conversations) for e in examples(i, c, cut, CUT_AT)]
    table = Table(found, embedder)
    fact, category = fit(table, np.ones(len(found), bool))
    order = [list(category.classes_).index(c.value) for c in CATEGORIES]
    coefficients = np.vstack([fact.coef_, category.coef_[order]]).T
    dense = 2 * embedder.dimensions
    np.savez_compressed(
        path,
        gap_words=segmenter.coef_[0].astype(np.float16),
        gap_bias=np.float32(segmenter.intercept_[0]),
        cut_at=np.float32(CUT_AT),
        dense=coefficients[:dense].astype(np.float16),
        words=coefficients[dense:].astype(np.float16),
        bias=np.concatenate([fact.intercept_, category.intercept_[order]]).astype(np.float32),
        fact_at=np.float32(fact_at),
        embedder=np.str_(embedder.name),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", type=Path, help="where to write what went wrong, for reading")
    parser.add_argument(
        "--at", type=float, help="probability from which a clause is a fact; best F1 when left out"
    )
    arguments = parser.parse_args()
    conversations, embedder = load(), SentenceEncoder()
    found, probability, category = cross_validate(conversations, embedder)
    steps = [round(x, 2) for x in np.arange(0.3, 0.7, 0.02)]
    at = arguments.at or max(steps, key=lambda a: scored(conversations, found, probability, category, a).f1)
    total = scored(conversations, found, probability, category, at)
    report: dict[str, Any] = {"conversations": len(conversations), "fact_at": at, "all": total.as_row()}
    for language in ("en", "es", "pt"):
        report[language] = scored(conversations, found, probability, category, at, language).as_row()
    print(json.dumps(report, indent=1))
    (HERE / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    if arguments.errors:
        arguments.errors.write_text("\n".join(["WRONG", *total.wrong, "", "MISSED", *total.missed]))
    write(WEIGHTS, conversations, embedder, at)


if __name__ == "__main__":
    main()
