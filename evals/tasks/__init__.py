"""A suite in the shape of Inspect AI: a dataset of samples, a solver that asks the product, a scorer.

Every metric is a ratio, counted sample by sample, so that it can be summed per language; higher is better.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.tasks.world import World
from recuerda.language import Language, from_locale

DATASETS = Path(__file__).parent.parent / "datasets"
Ratio = tuple[float, float]  # how much was right, of how much


@dataclass(frozen=True, slots=True)
class Sample:
    """One thing to try. `data` is the dataset's record."""

    id: str
    language: Language
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """What a reader needs to judge a failure: the words, side by side."""

    said: str
    wanted: str
    got: str


@dataclass(frozen=True, slots=True)
class Result:
    id: str
    language: Language
    metrics: Mapping[str, Ratio]
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Task:
    name: str
    about: str
    dataset: Callable[[], list[Sample]]
    solve: Callable[[World, Sample], Awaitable[Any]]
    score: Callable[[Sample, Any], Result]
    at_once: int = field(default=4)  # samples tried together; 1 where time is measured


def read(folder: str) -> list[Sample]:
    """The samples of datasets/FOLDER/*.jsonl."""
    return [
        Sample(record["id"], _language(record["lang"]), record)
        for path in sorted((DATASETS / folder).glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
        if line.strip()
        for record in [json.loads(line)]
    ]


def _language(value: str) -> Language:
    language = from_locale(value)
    if language is None:
        raise ValueError(f"{value!r} is none of our languages")
    return language


def yes(value: bool) -> Ratio:
    return (float(value), 1.0)
