"""Train what tells that a known fact no longer holds: `python -m evals.training.updates.train`.

Learns from the stories (`evals/training/stories`); and, for what is not over, from facts of other customers
put among theirs, and from whole conversations of the extraction's training data: what is known of a customer
outlives most of what they say. None of the update scenarios of the eval is among them. Prints what it gets
right of every fifth story by the others, then trains on everything and writes the weights into the package.
Needs scikit-learn. Same data, same seed, same weights.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from scipy.sparse import csr_matrix, hstack  # type: ignore[import-untyped,import-not-found,unused-ignore]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped,import-not-found,unused-ignore]

from evals.training.extraction import data
from evals.training.stories import load
from evals.training.updates.moments import Moment, Reader
from recuerda.extraction import Turn
from recuerda.extraction.changes import Known
from recuerda.extraction.outdated import SIZE, Seen, look, words_scale
from recuerda.models import Category

WEIGHTS = Path(__file__).parents[3] / "src/recuerda/extraction/outdated.npz"
SEED, HELD, C = 7, 5, 0.03
STRANGERS = 4  # facts of other customers at most among those of a story
TALKS = 3000  # conversations in which what was said before still holds after
OTHERS = 8  # facts of other conversations beside each
DOUBTED = 0.5  # weight of what nobody has judged
COUNTED = 0.3  # how much what is counted weighs beside the vectors
TALK = -1  # the number of no story
Array = NDArray[Any]


def moments(reader: Reader) -> Iterator[Moment]:
    """Of the stories, with strangers' facts last."""
    stories = load()
    told: dict[str, list[tuple[int, Known]]] = defaultdict(list)
    found: list[Moment] = []
    for n, story in enumerate(track(stories, "stories")):
        own = list(reader.moments(n, story))
        found += own
        told[story["lang"]] += [(n, known) for known in {id(k): k for m in own for k in m.known}.values()]
    rng = np.random.default_rng(SEED)
    for moment in found:
        all_told = told[stories[moment.story]["lang"]]
        chosen = [all_told[int(i)] for i in rng.integers(0, len(all_told), rng.integers(0, STRANGERS + 1))]
        others = [known for n, known in chosen if n != moment.story]
        yield Moment(moment.story, moment.said, [*moment.known, *others], moment.over)


def talks(reader: Reader) -> Iterator[Moment]:
    """What customers said earlier in a conversation, and what others said in theirs: all of it holds.

    Of loosely marked conversations only what others said: some customers change their mind in them.
    """
    conversations = data.conversations()
    told = {
        language: [f for c in conversations if c["lang"] == language for f in c["facts"]]
        for language in ("en", "es", "pt")
    }
    rng = np.random.default_rng(SEED)
    for i in track(rng.permutation(len(conversations))[:TALKS], "talks"):
        talk = conversations[int(i)]
        spoken = [i for i, t in enumerate(talk["turns"]) if t["role"] == "customer"]
        now = int(rng.choice(spoken[1:])) if len(spoken) > 1 else spoken[0]
        said = reader.said([Turn(t["role"], t["text"]) for t in talk["turns"][: now + 1]], talk["lang"])
        others = told[talk["lang"]]
        chosen = (others[int(j)] for j in rng.integers(0, len(others), OTHERS))
        own = [] if talk.get("loose") else [f for f in talk["facts"] if f["turn"] < now]
        facts = [*own, *(f for f in chosen if f not in talk["facts"])]
        yield Moment(TALK, said, [reader.known(f["quote"], Category(f["categories"][0])) for f in facts], [])


class Rows:
    """What the classifier sees of every fact at every moment."""

    def __init__(self, moments: Sequence[Moment]) -> None:
        seen: list[Seen] = []
        over, judged, story = [], [], []
        for moment in moments:
            for i, one in look(moment.known, moment.said).items():
                seen.append(one)
                over.append(i < len(moment.over) and moment.over[i])
                judged.append(i < len(moment.over))
                story.append(moment.story)
        self.over, self.judged, self.story = np.array(over), np.array(judged), np.array(story)
        self.counted = np.array([one.counted for one in seen])
        ends = np.cumsum([0, *(len(one.words) for one in seen)])
        values = np.concatenate([np.full(len(one.words), words_scale(one.words)) for one in seen])
        columns = np.concatenate([np.array(one.words, int) for one in seen])
        self.words = csr_matrix((values, columns, ends), shape=(len(seen), SIZE), dtype=np.float32)


class Fit:
    """A regression on some of the rows."""

    def __init__(self, rows: Rows, chosen: Array, vectors: int) -> None:
        counted = rows.counted.shape[1] - vectors
        self.mean, self.spread = np.zeros(rows.counted.shape[1]), np.ones(rows.counted.shape[1])
        self.mean[:counted] = rows.counted[:, :counted].mean(axis=0)
        self.spread[:counted] = (rows.counted[:, :counted].std(axis=0) + 0.05) / COUNTED
        x = hstack([csr_matrix((rows.counted - self.mean) / self.spread), rows.words]).tocsr()
        model = LogisticRegression(C=C, solver="liblinear", max_iter=300, tol=1e-3)
        model.fit(x[chosen], rows.over[chosen], sample_weight=np.where(rows.judged, 1, DOUBTED)[chosen])
        self.probability = model.predict_proba(x)[:, 1]
        counted_weights = model.coef_[0, : rows.counted.shape[1]] / self.spread
        self.counted = counted_weights.astype(np.float32)
        self.words = model.coef_[0, rows.counted.shape[1] :].astype(np.float16)
        self.bias = np.float32(model.intercept_[0] - self.mean @ counted_weights)


def main() -> None:
    reader = Reader()
    rows = Rows([*moments(reader), *talks(reader)])
    vectors = 4 * reader.encoder.dimensions
    held = (rows.story % HELD == 0) & (rows.story != TALK)
    likely = Fit(rows, ~held, vectors).probability
    asked = held & rows.judged
    for at in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
        groups = (asked & rows.over, asked & ~rows.over, held & ~rows.judged)
        counts = [f"{int((rows_ & (likely >= at)).sum())} of {int(rows_.sum())}" for rows_ in groups]
        print(f"{at}: over {counts[0]}; wrongly {counts[1]} told by them, {counts[2]} by others")
    fit = Fit(rows, np.ones(len(rows.over), bool), vectors)
    np.savez_compressed(
        WEIGHTS, counted=fit.counted, words=fit.words, bias=fit.bias, embedder=np.str_(reader.encoder.name)
    )


if __name__ == "__main__":
    main()
