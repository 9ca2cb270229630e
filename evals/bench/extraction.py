"""Processor time of the embedded extractor: `OMP_NUM_THREADS=1 python -m evals.bench.extraction`.

Reads the customer messages of the gold conversations one by one, as the product does (each with up to six
turns before it), and prints CPU milliseconds a message, by language. Process time of one core, so that other
work on the machine does not count.
"""

import json
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from recuerda.extraction import Turn
from recuerda.extraction.embedded import EmbeddedExtractor
from recuerda.language import from_locale

DATA = Path(__file__).parents[1] / "datasets/extraction"
CONTEXT = 6  # turns before the message, as a turn has them
WARM_UP = 20  # messages read before the clock starts: weights are loaded at first use


def messages(language: str) -> Iterator[list[Turn]]:
    for line in (DATA / f"{language}.jsonl").open():
        turns = [Turn(t["role"], t["text"]) for t in json.loads(line)["turns"]]
        for i, turn in enumerate(turns):
            if turn.role == "customer":
                yield turns[max(0, i - CONTEXT) : i + 1]


def main() -> None:
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise SystemExit("Set OMP_NUM_THREADS=1: the figure is for one core.")
    extractor = EmbeddedExtractor()
    every: list[float] = []
    for language in ("en", "es", "pt"):
        talks, spent = list(messages(language)), []
        for turns in talks[:WARM_UP]:
            extractor.extract_now(turns, [len(turns) - 1], from_locale(language))
        for turns in talks[WARM_UP:]:
            started = time.process_time()
            extractor.extract_now(turns, [len(turns) - 1], from_locale(language))
            spent.append(1000 * (time.process_time() - started))
        every += spent
        print(_line(language, spent))
    print(_line("all", every))


def _line(name: str, spent: list[float]) -> str:
    high = statistics.quantiles(spent, n=20)[-1]
    return (
        f"{name}: {statistics.fmean(spent):.1f} ms CPU a message (median {statistics.median(spent):.1f}, "
        f"95 % under {high:.1f}), {len(spent)} messages"
    )


if __name__ == "__main__":
    main()
