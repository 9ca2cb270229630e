"""Whether the sample shop's knowledge finds the article or product that answers, and knows when none does."""

import json
from collections.abc import Mapping
from typing import Any

from evals.tasks import Failure, Result, Sample, Task, yes
from evals.tasks.world import World
from recuerda.demo import SHOP
from recuerda.language import from_locale
from recuerda.memory.shelf import FLOOR

_SHOWN = 3


def dataset() -> list[Sample]:
    lines = SHOP.joinpath("questions.jsonl").read_text("utf-8").splitlines()
    records: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
    return [
        Sample(f"{r['lang']}-knowledge-{number}", from_locale(r["lang"]) or "en", r)
        for number, r in enumerate(records, 1)
    ]


async def solve(world: World, sample: Sample) -> dict[str, float]:
    """The best documents with the score of their best passage, those under the floor included."""
    hits = await world.recuerda.knowledge.search(
        sample.data["query"], language=sample.language, limit=10, floor=0.0
    )
    best: dict[str, float] = {}
    for hit in hits:
        # `tambo:es` and `tambo` are one product to whoever wrote the questions.
        best.setdefault(hit.document_id.split(":")[0], hit.score)
    return dict(list(best.items())[:_SHOWN])


def score(sample: Sample, found: Mapping[str, float]) -> Result:
    """`hit@1` and `hit@3` judge the order alone; `answers` and `abstains` what the floor lets through."""
    relevant = set(sample.data["relevant"])
    ranked = list(found)
    offered = [id for id in ranked if found[id] >= FLOOR]
    if relevant:
        metrics = {
            "hit@1": yes(bool(relevant.intersection(ranked[:1]))),
            "hit@3": yes(bool(relevant.intersection(ranked))),
            "answers": yes(bool(relevant.intersection(offered))),
        }
        right = bool(relevant.intersection(offered[:1]))
    else:
        metrics = {"abstains": yes(not offered)}
        right = not offered
    wanted = "\n".join(sorted(relevant)) or "nothing: the shop does not say"
    got = [f"{value:.2f} {id}{'' if value >= FLOOR else ' (not offered)'}" for id, value in found.items()]
    failure = None if right else Failure(sample.data["query"], wanted, "\n".join(got) or "nothing")
    return Result(sample.id, sample.language, metrics, failure)


TASK = Task(
    "knowledge", "The shop's article or product that answers, or none when none does.", dataset, solve, score
)
