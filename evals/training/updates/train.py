"""Train what tells that a known fact no longer holds: `python -m evals.training.updates.train`.

Learns from the pairs of sentences beside this file, "before" and "now", each with whether the one is over
after the other; and, for what is not, from pairs that have nothing to do with each other and from whole
conversations of the extraction's training data: what is known of a customer outlives most of what they say.
Prints what it gets right of the pairs, cross-validated, then trains on everything and writes the weights into
the package. None of the update scenarios of the eval is among it. Needs scikit-learn. Same data, same seed,
same weights.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped,import-not-found,unused-ignore]

from evals.training.extraction.data import load
from recuerda.embeddings import SentenceEncoder
from recuerda.extraction import Draft, Turn
from recuerda.extraction.changes import Known
from recuerda.extraction.embedded import EmbeddedExtractor
from recuerda.extraction.outdated import Said, features
from recuerda.extraction.subjects import CUSTOMER
from recuerda.models import Category, FactStatus, Review, Source

HERE = Path(__file__).parent
WEIGHTS = Path(__file__).parents[3] / "src/recuerda/extraction/outdated.npz"
SEED, FOLDS, C = 7, 5, 0.3
UNRELATED = 2  # for each message, facts of others that it says nothing of
NEAR = 0.35  # cosine from which two facts may be of the same thing
TALKS = 1100  # conversations in which what was said before still holds after
STRANGERS = 6  # facts of other conversations beside each
HEARD = 7  # turns before a message, to understand it by
COUNTED = 0.3  # how much what is counted weighs beside the vectors
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Example:
    fact: Known
    said: Said
    over: bool
    group: float  # place in its file, 0 to 1: what is alike in three languages stays together


class Reader:
    def __init__(self) -> None:
        self.encoder = SentenceEncoder()
        self.extractor = EmbeddedExtractor(self.encoder)

    def said(self, turns: Sequence[Turn], language: Any) -> Said:
        drafts = self.extractor.extract_now(turns, [len(turns) - 1], language, faint=True)
        texts = [turns[-1].text, *(d.statement for d in drafts)]
        vectors = self.encoder.embed(texts)
        return Said(texts[0], vectors[0], dict(zip(texts[1:], vectors[1:], strict=True)), drafts)

    def fact(self, text: str, language: Any) -> Known:
        drafts = self.extractor.extract_now([Turn("customer", text)], [0], language)
        whole = drafts[0] if len(drafts) == 1 else None
        category = whole.category if whole else drafts[0].category if drafts else Category.PREFERENCE
        return self.known(whole.statement if whole else text, category, whole)

    def known(self, statement: str, category: Category, draft: Draft | None = None) -> Known:
        return Known(
            id="fct", category=category, attribute=draft.attribute if draft else None,
            value=draft.value if draft else None,
            statement=statement, subject=draft.subject if draft else CUSTOMER, status=FactStatus.ACTIVE,
            confidence=1.0, source=Source.CONVERSATION, review=Review.NOT_NEEDED,
            valid_from=datetime(2026, 1, 1, tzinfo=UTC), embedding=self.encoder.embed([statement])[0],
        )  # fmt: skip


def pairs(reader: Reader) -> Iterator[Example]:
    for path in sorted(HERE.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.open()]
        for i, row in enumerate(rows):
            said = reader.said([Turn("customer", row["now"])], row["lang"])
            yield Example(reader.fact(row["before"], row["lang"]), said, row["over"], i / len(rows))


def unrelated(known: Sequence[Example]) -> Iterator[Example]:
    rng = np.random.default_rng(SEED)
    for example in known:
        for k in rng.integers(0, len(known), UNRELATED):
            other = known[int(k)].fact
            assert other.embedding is not None
            assert example.fact.embedding is not None
            if float(other.embedding @ example.fact.embedding) < NEAR:
                yield replace(example, fact=other, over=False)


def talks(reader: Reader) -> Iterator[Example]:
    """What customers said earlier in a conversation, and what others said in theirs: all of it holds."""
    conversations = load()
    told = {
        language: [f for c in conversations if c["lang"] == language for f in c["facts"]]
        for language in ("en", "es", "pt")
    }
    rng = np.random.default_rng(SEED)
    for k in rng.permutation(len(conversations))[:TALKS]:
        talk, group = conversations[int(k)], float(rng.random())
        spoken = [i for i, t in enumerate(talk["turns"]) if t["role"] == "customer"]
        now = int(rng.choice(spoken[1:])) if len(spoken) > 1 else spoken[0]
        turns = [Turn(t["role"], t["text"]) for t in talk["turns"][max(0, now - HEARD) : now + 1]]
        said, others = reader.said(turns, talk["lang"]), told[talk["lang"]]
        before = [f for f in talk["facts"] if f["turn"] < now]
        chosen = (others[int(j)] for j in rng.integers(0, len(others), STRANGERS))
        for fact in [*before, *(f for f in chosen if f not in talk["facts"])]:
            yield Example(reader.known(fact["quote"], Category(fact["categories"][0])), said, False, group)


def fit(x: Array, examples: Sequence[Example], rows: Array) -> LogisticRegression:
    over = np.array([e.over for e in examples])
    return LogisticRegression(C=C, max_iter=2000, tol=1e-3).fit(x[rows], over[rows])


def main() -> None:
    reader = Reader()
    labelled = list(pairs(reader))
    examples = [*labelled, *unrelated(labelled), *talks(reader)]
    raw = np.array([features(e.fact, e.said) for e in examples], np.float32)
    counted = raw.shape[1] - 4 * reader.encoder.dimensions
    mean, spread = np.zeros(raw.shape[1]), np.ones(raw.shape[1])
    mean[:counted] = raw[:, :counted].mean(axis=0)
    spread[:counted] = (raw[:, :counted].std(axis=0) + 0.05) / COUNTED
    x = (raw - mean) / spread
    fold = np.array([int(e.group * FOLDS) for e in examples])
    probability = np.zeros(len(examples))
    for k in range(FOLDS):
        probability[fold == k] = fit(x, examples, fold != k).predict_proba(x[fold == k])[:, 1]
    over = np.array([e.over for e in examples])
    asked = np.arange(len(examples)) < len(labelled)
    for at in (0.4, 0.5, 0.6, 0.7):
        said = probability >= at
        print(
            f"{at}: over {int((said & over).sum())} of {int(over.sum())}; "
            f"wrongly {int((said & ~over & asked).sum())} of {int((~over & asked).sum())} like them, "
            f"{int((said & ~over & ~asked).sum())} of {int((~over & ~asked).sum())} others"
        )
    model = fit(x, examples, np.ones(len(examples), bool))
    weights = model.coef_[0] / spread
    np.savez_compressed(
        WEIGHTS,
        weights=weights.astype(np.float32),
        bias=np.float32(model.intercept_[0] - mean @ weights),
        embedder=np.str_(reader.encoder.name),
    )


if __name__ == "__main__":
    main()
