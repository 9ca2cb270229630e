"""Whether the sample shop's knowledge finds the article or product that answers, and knows when none does."""

import json
from collections.abc import Sequence
from typing import Any

from evals.tasks import Failure, Result, Sample, Task, yes
from evals.tasks.world import World
from recuerda.demo import SHOP
from recuerda.language import from_locale

_SHOWN = 3


def dataset() -> list[Sample]:
    lines = SHOP.joinpath("questions.jsonl").read_text("utf-8").splitlines()
    records: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
    return [
        Sample(f"{r['lang']}-knowledge-{number}", from_locale(r["lang"]) or "en", r)
        for number, r in enumerate(records, 1)
    ]


async def solve(world: World, sample: Sample) -> list[str]:
    hits = await world.recuerda.knowledge.search(sample.data["query"], language=sample.language, limit=10)
    return list(dict.fromkeys(hit.document_id for hit in hits))[:_SHOWN]


def score(sample: Sample, found: Sequence[str]) -> Result:
    relevant = set(sample.data["relevant"])
    if relevant:
        metrics = {
            "hit@1": yes(bool(relevant.intersection(found[:1]))),
            "hit@3": yes(bool(relevant.intersection(found))),
        }
    else:
        metrics = {"abstains": yes(not found)}
    right = next(iter(metrics.values())) == (1.0, 1.0)
    wanted = "\n".join(sorted(relevant)) or "nothing: the shop does not say"
    failure = None if right else Failure(sample.data["query"], wanted, "\n".join(found) or "nothing")
    return Result(sample.id, sample.language, metrics, failure)


TASK = Task(
    "knowledge", "The shop's article or product that answers, or none when none does.", dataset, solve, score
)
