"""Trains the weights of recall: `python -m evals.training.recall.train` (about four minutes).

Writes `fusion.json`, `language_means.npy` and `asking.npy` beside `recuerda.memory`, learning from nothing
but the histories and pairs in this folder. The loss is a softmax per question in which each relevant item
competes with the items that are not and with "nothing answers this" (listwise ranking, Cao et al. 2007).
Weights of evidence may not be negative, which is what carries over to other people's conversations.
Calibration and the figures printed come from customers that neither weights nor matrix have seen (four
folds).
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from evals.training.recall.data import Customer, customers, pair_customers
from evals.training.recall.worlds import MIXED_PAIRS, PAIRS, Sample, Worlds, hard

import recuerda.memory
from recuerda.embeddings import SentenceEncoder, Vectors, unit
from recuerda.language import LANGUAGES
from recuerda.memory.features import NAMES
from recuerda.memory.index import Floats

TARGET = Path(recuerda.memory.__path__[0])
EXTRACTION = Path(__file__).parents[1] / "extraction"
FREE = {"asks"}  # may count against an item
ABROAD = {  # what is believed of an item in another language than the query's
    *("dense", "dense_high", "dense_rank", "dense_previous", "dense_next", "session_dense"),
    *("coverage", "proper", "dated", "mentioned", "when", "how_many", "asks"),
    *("plain", "plain_high", "plain_rank"),
    *("alike", "alike_share", "akin", "akin_share", "akin_window"),
}
_F = len(NAMES)
_FOLDS = 4
_RIDGE = 5.0
_MADE_UP = 0.25  # what a question put to pairs weighs: they are many, and no history
_SILENCE = 0.3  # a memory offered that does not help costs less than one that would have and is withheld


def vectors_of(people: Sequence[Customer], encoder: SentenceEncoder) -> tuple[dict[str, Vectors], Vectors]:
    """Every text's vector, and the mean of each language over histories and extraction conversations."""
    texts = {i.text for c in people for i in c.items} | {q.text for c in people for q in c.questions}
    listed = sorted(texts)
    vectors = dict(zip(listed, encoder.embed(listed), strict=True))
    means = []
    for language in LANGUAGES:
        own = [vectors[i.text] for c in people if c.language == language for i in c.items]
        lines = [
            line
            for path in sorted((EXTRACTION / language).glob("*.jsonl"))
            for line in path.open(encoding="utf-8")
        ]
        more = [turn["text"] for line in lines for turn in json.loads(line)["turns"]]
        means.append(np.concatenate([np.stack(own), encoder.embed(more[:3000])]).mean(axis=0))
    return vectors, np.stack(means).astype(np.float32)


def learn_asking(people: Sequence[Customer], vectors: dict[str, Vectors], means: Vectors) -> Vectors:
    """(512, 512): half the question itself, half a ridge regression from question to relevant memory, of real
    histories: what is learnt from pairs was measured to make others' recall@5 worse."""
    asked, said = [], []
    for customer in filter(lambda c: c.real, people):
        texts = {item.id: item for item in customer.items}
        for question in customer.questions:
            for id_ in question.relevant:
                asked.append(vectors[question.text] - means[LANGUAGES.index(question.language)])
                said.append(vectors[texts[id_].text] - means[LANGUAGES.index(texts[id_].language)])
    x, y = unit(np.stack(asked)), unit(np.stack(said))
    eye = np.eye(x.shape[1])
    learned = np.linalg.solve(x.T @ x + _RIDGE * eye, x.T @ (y - x / 2))
    return np.asarray(eye / 2 + learned, np.float32)


def fit(samples: Sequence[Sample], steps: int = 400, decay: float = 0.1) -> Floats:
    """Weights (2 * features + 2,): own language, others, bias of others, nothing; by projected Adam."""
    rows, targets, starts, count = [], [], [], 0
    for sample in samples:
        size = sample.relevant.size
        row = np.zeros((size + 1, 2 * _F + 2), np.float32)
        row[:-1, :_F] = (sample.measured * ~sample.foreign).T
        row[:-1, _F : 2 * _F] = (sample.measured * sample.foreign).T
        row[:-1, -2] = sample.foreign
        row[-1, -1] = 1
        rows.append(row)
        targets.append(np.append(sample.relevant, not sample.relevant.any()))
        starts.append(count)
        count += size + 1
    x, y = np.concatenate(rows), np.concatenate(targets).astype(np.float32)
    scale = x.std(axis=0) + 1e-6
    scale[-2:] = 1
    x /= scale
    at = np.array(starts)
    group = np.repeat(np.arange(len(at)), np.diff(np.append(at, count)))
    worth = np.array([_MADE_UP if s.world in (PAIRS, MIXED_PAIRS) else 1.0 for s in samples], np.float32)[
        group
    ]
    share = y / np.add.reduceat(y, at)[group]
    allowed = np.array([True] * _F + [name in ABROAD for name in NAMES] + [True, True])
    lowest = np.array([-np.inf if name in FREE else 0 for name in NAMES] * 2 + [-np.inf] * 2, np.float32)
    w = np.zeros(x.shape[1], np.float32)
    mean, square = w.copy(), w.copy()
    for step in range(1, steps + 1):
        scores = x @ w
        e = np.exp(scores - np.maximum.reduceat(scores, at)[group])
        against = np.add.reduceat(e * (1 - y), at)[group]
        pull = np.add.reduceat(share / (e + against + 1e-9), at)[group]
        slope = np.where(y > 0, -share * (1 - e / (e + against + 1e-9)), e * pull).astype(np.float32)
        gradient = (slope * worth) @ x / len(at) + decay * w
        mean, square = 0.9 * mean + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
        w = w - 0.05 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        w = (np.maximum(w, lowest) * allowed).astype(np.float32)
    return np.asarray(w / scale, np.float32)


def scores(w: Floats, sample: Sample) -> Floats:
    raw = np.where(sample.foreign, w[_F : 2 * _F] @ sample.measured + w[-2], w[:_F] @ sample.measured) - w[-1]
    return np.asarray(raw, np.float32)


def calibrate(held_out: Sequence[tuple[Sample, Floats]]) -> tuple[float, float, float]:
    """Slope and offset of Platt's sigmoid over each question's five best, and the floor."""
    unlike = {"together", PAIRS, MIXED_PAIRS}  # what is asked of real customers
    best = [(np.sort(np.argsort(-s)[:5]), sample, s) for sample, s in held_out if sample.world not in unlike]
    x = np.concatenate([s[top] for top, _, s in best])
    y = np.concatenate([sample.relevant[top] for top, sample, _ in best]).astype(float)
    a, b = 0.0, 0.0
    for _ in range(25):  # Newton
        p = 1 / (1 + np.exp(-(a * x + b)))
        h = p * (1 - p)
        hessian = np.array([[(h * x * x).sum(), (h * x).sum()], [(h * x).sum(), h.sum()]])
        step = np.linalg.solve(hessian + 1e-6 * np.eye(2), [((p - y) * x).sum(), (p - y).sum()])
        a, b = a - step[0], b - step[1]
    highest = np.array([1 / (1 + np.exp(-(a * s.max() + b))) for _, _, s in best])
    answered = np.array([sample.relevant.any() for _, sample, _ in best])
    places = np.linspace(0.02, 0.6, 59)
    right = [(highest >= f)[answered].mean() + _SILENCE * (highest < f)[~answered].mean() for f in places]
    floor = float(places[int(np.argmax(right))])
    with_one, without = ((highest >= floor)[which].mean() for which in (answered, ~answered))
    print(f"floor {floor:.2f}: offers something for {with_one:.1%} of questions that have an answer,")
    print(f"  and for {without:.1%} of those that have none")
    return float(a), float(b), floor


def report(held_out: Sequence[tuple[Sample, Floats]]) -> None:
    groups: dict[str, list[tuple[float, float, float]]] = {}
    for sample, s in held_out:
        if sample.relevant.any():
            order = np.argsort(-s)
            total = sample.relevant.sum()
            values = tuple(float(sample.relevant[order[:k]].sum() / min(total, k)) for k in (1, 5, 10))
            abroad = " asked in another language" if sample.foreign[sample.relevant].all() else ""
            groups.setdefault(sample.world + abroad, []).append((values[0], values[1], values[2]))
    print(f"{'held-out customers':44s} questions  r@1   r@5   r@10")
    for name, rows in sorted(groups.items()):
        print(f"{name:44s} {len(rows):9d}  " + "  ".join(f"{v:.2f}" for v in np.mean(rows, axis=0)))


def main() -> None:
    people = [*customers(), *pair_customers()]
    vectors, means = vectors_of(people, SentenceEncoder())
    families = list(dict.fromkeys(c.family or c.id for c in people))
    folds = [
        [c for c in people if families.index(c.family or c.id) % _FOLDS == fold] for fold in range(_FOLDS)
    ]
    asking = {
        customer.id: matrix
        for fold in folds
        for matrix in [learn_asking([c for c in people if c not in fold], vectors, means)]
        for customer in fold
    }
    samples = list(Worlds(people, vectors, means, asking).samples())
    by = [NAMES.index(name) for name in ("speaker_turn", "window", "dense")]
    small = [hard(sample, by) for sample in samples]
    print(f"{len(people)} customers, {sum(len(c.items) for c in people)} items,", end=" ")
    print(f"{sum(len(c.questions) for c in people)} questions, {len(samples)} samples")
    held_out: list[tuple[Sample, Floats]] = []
    for fold in folds:
        test = {c.id for c in fold}
        w = fit([s for s in small if s.customer not in test])
        held_out += [(s, scores(w, s)) for s in samples if s.customer in test]
    report(held_out)
    slope, offset, floor = calibrate(held_out)
    w = fit(small)
    table = {name: [round(float(w[i]), 4), round(float(w[_F + i]), 4)] for i, name in enumerate(NAMES)}
    numbers = {
        "other_bias": float(w[-2]),
        "nothing": float(w[-1]),
        "slope": slope,
        "offset": offset,
        "floor": floor,
    }
    rounded = {name: round(value, 4) for name, value in numbers.items()}
    (TARGET / "fusion.json").write_text(json.dumps({"features": table, **rounded}, indent=1) + "\n", "utf-8")
    np.save(TARGET / "language_means.npy", means)
    np.save(TARGET / "asking.npy", learn_asking(people, vectors, means).astype(np.float16))


if __name__ == "__main__":
    main()
