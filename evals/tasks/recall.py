"""Whether a question finds the memory that answers it in a customer's history, and nothing when none does."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from evals.tasks import Failure, Result, Sample, Task, read, yes
from evals.tasks.world import World
from recuerda import customers
from recuerda.language import from_locale
from recuerda.memory import NewMemory
from recuerda.memory.history import FLOOR
from recuerda.models import Assurance, IdentityKind

_LIMIT = 5


def dataset() -> list[Sample]:
    """Each record is a customer with memories and questions; each question is a sample."""
    return [
        Sample(question["id"], from_locale(question.get("lang")) or one.language, {**one.data, **question})
        for one in read("recall")
        for question in one.data["questions"]
    ]


async def solve(world: World, sample: Sample) -> list[tuple[str, float]]:
    """The best memories with their scores, those under the floor included."""
    name = sample.data["customer"]
    if name not in world.made:  # several questions ask about one customer
        world.made[name] = asyncio.create_task(_remember(world, sample))
    customer_id, ids = await world.made[name]
    found = await world.recuerda.memories.recall(
        customer_id,
        sample.data["query"],
        now=datetime.fromisoformat(sample.data["now"]),
        language=sample.language,
        limit=_LIMIT,
        floor=0.0,
    )
    return [(ids[item.id], item.score) for item in found]


async def _remember(world: World, sample: Sample) -> tuple[str, dict[str, str]]:
    items = [
        NewMemory(
            kind=m.get("kind", "turn"),
            external_id=m["id"],
            text=m["text"],
            at=datetime.fromisoformat(m["at"]),
            language=sample.data["lang"],
            speaker=m.get("speaker"),
            conversation_id=m.get("conversation"),
        )
        for m in sample.data["memories"]
    ]
    memories = world.recuerda.memories
    vectors = await memories.prepare(items)
    async with world.recuerda.db.write() as session:
        customer = await customers.resolve(
            session, {IdentityKind.EXTERNAL_ID: sample.data["customer"]}, assurance=Assurance.SIGNED
        )
        ids = await memories.remember(session, customer.id, items, vectors)
    await memories.index(ids)
    return customer.id, {id: item.external_id for id, item in zip(ids, items, strict=True)}


def score(sample: Sample, found: Sequence[tuple[str, float]]) -> Result:
    """`recall@5` and `mrr` judge the order alone; `answers` and `abstains` what the floor lets through."""
    relevant: list[str] = sample.data["relevant"]
    ranked = [id for id, _ in found]
    offered = {id for id, value in found if value >= FLOOR}
    if relevant:
        rank = next((place for place, id in enumerate(ranked, 1) if id in relevant), None)
        metrics = {
            "recall@5": (float(len(set(relevant).intersection(ranked))), float(len(relevant))),
            "mrr": (1.0 / rank if rank else 0.0, 1.0),
            "answers": yes(bool(offered.intersection(relevant))),
        }
        right = set(relevant) <= set(ranked) and bool(offered.intersection(relevant))
    else:
        metrics = {"abstains": yes(not offered)}
        right = not offered
    return Result(sample.id, sample.language, metrics, None if right else _failure(sample, found))


def _failure(sample: Sample, found: Sequence[tuple[str, float]]) -> Failure:
    texts: dict[str, Any] = {m["id"]: f"{m['at'][:10]} {m['text']}" for m in sample.data["memories"]}
    wanted = [texts[id] for id in sample.data["relevant"]]
    return Failure(
        sample.data["query"],
        "\n".join(wanted) or "nothing: the history does not say",
        "\n".join(_line(texts[id], value) for id, value in found) or "nothing",
    )


def _line(text: str, value: float) -> str:
    return f"{value:.2f} {text}{'' if value >= FLOOR else ' (not offered)'}"


TASK = Task("recall", "The memory that answers, in one customer's history of months.", dataset, solve, score)
