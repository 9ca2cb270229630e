"""Said in one language, asked in another: `python -m evals.bench.cross_language`

420 pairs in six directions over `data/cross_language.txt`, written for this project and not used in
training. "foreign": the whole history is in the other language. "mixed": every other memory is in the
asker's own, so that words in common tempt. Dense is the same vectors without the fusion.
"""

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recuerda.embeddings import SentenceEncoder, Vectors
from recuerda.language import LANGUAGES, Language
from recuerda.memory.history import FLOOR, History, Item

DATA = Path(__file__).parent / "data" / "cross_language.txt"
_START = datetime(2024, 1, 8, 12, tzinfo=UTC)


class Pair(NamedTuple):
    memory: dict[Language, str]
    question: dict[Language, str]


def pairs(path: Path = DATA) -> list[Pair]:
    text = "\n".join(line for line in path.read_text("utf-8").splitlines() if not line.startswith("#"))
    found = []
    for block in text.strip().split("\n\n"):
        said, asked = (
            [line[2:] for line in block.splitlines() if line.startswith(mark)] for mark in ("m ", "q ")
        )
        found.append(Pair(*(dict(zip(LANGUAGES, lines, strict=True)) for lines in (said, asked))))
    return found


def items(probe: Sequence[Pair], language_of: Callable[[int], Language]) -> list[Item]:
    return [
        Item(str(i), pair.memory[own], _START + timedelta(days=3 * i), "turn", "customer", f"c{i}", own)
        for i, pair in enumerate(probe)
        for own in [language_of(i)]
    ]


class Score(NamedTuple):
    at_1: float
    at_5: float
    dense_at_1: float
    dense_at_5: float
    offered: float  # share of questions whose best hit is above the floor


def measure(
    probe: Sequence[Pair], vectors: dict[str, Vectors], said: Language, asked: Language, mixed: bool
) -> Score:
    history_items = items(probe, lambda i: asked if mixed and i % 2 else said)
    own = np.stack([vectors[item.text] for item in history_items])
    history = History(history_items, own)
    now = history_items[-1].at + timedelta(days=1)
    rows = []
    for i, pair in enumerate(probe):
        if history_items[i].language != said:
            continue
        question = pair.question[asked]
        hits = history.search(question, vectors[question], now=now, language=asked, limit=5)
        found = [hit.item.id for hit in hits]
        near = [str(j) for j in np.argsort(-(own @ vectors[question]))[:5]]
        want = str(i)
        rows.append(
            (want in found[:1], want in found, want in near[:1], want in near, hits[0].score >= FLOOR)
        )
    return Score(*(float(value) for value in np.mean(rows, axis=0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--probe", type=Path, default=DATA)
    probe = pairs(parser.parse_args().probe)
    texts = sorted({text for pair in probe for side in pair for text in side.values()})
    vectors = dict(zip(texts, SentenceEncoder().embed(texts), strict=True))
    for mixed in (False, True):
        print(f"\n{'mixed' if mixed else 'foreign'} history of {len(probe)}")
        print("| said -> asked | recall@1 | recall@5 | dense @1 | dense @5 | above the floor |")
        print("| --- | --- | --- | --- | --- | --- |")
        table = {
            f"{said} -> {asked}": measure(probe, vectors, said, asked, mixed)
            for said, asked in permutations(LANGUAGES, 2)
        }
        table["all"] = Score(*(float(value) for value in np.mean(list(table.values()), axis=0)))
        for name, score in table.items():
            print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in score) + " |")


if __name__ == "__main__":
    main()
