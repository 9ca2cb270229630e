"""What is believed after several conversations over days, the newest word being the last."""

from typing import Any

from evals.scorers.updates import score
from evals.tasks import Sample, Task, read
from evals.tasks.world import World

_LOCALES = {"en": "en-US", "es": "es-CO", "pt": "pt-BR"}


async def solve(world: World, sample: Sample) -> list[dict[str, Any]]:
    """The customer writes over HTTP, is answered, and days pass between the conversations."""
    customer_id = ""
    talks = sample.data["conversations"]
    for talk, following in zip(talks, [*talks[1:], None], strict=True):
        conversation_id, customer_id = await world.open(sample.id, _LOCALES[sample.language])
        for text in talk["turns"]:
            await world.say(conversation_id, text)
        await world.settle(conversation_id)
        days = talk["days_ago"] - (following["days_ago"] if following else 0)
        if days > 0:
            await world.let_pass(customer_id, days)
    return await world.facts(customer_id)


TASK = Task(
    "updates",
    "Current facts after several conversations: the newest holds, the outdated is gone.",
    lambda: read("updates"),
    solve,
    score,
)
