"""What the assistant answers, given a message, a customer's facts and orders."""

from datetime import UTC, datetime
from typing import Any

from evals.scorers.replies import Answer, score
from evals.tasks import Sample, Task, read
from evals.tasks.world import World
from recuerda.extraction import Turn
from recuerda.language import Language, from_locale
from recuerda.turns import Context, KnownFact, KnownMemory, Said, Used
from recuerda.turns.lookup import Products, look_up

_NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
_LOCALES = {"en": "en-US", "es": "es-CO", "pt": "pt-BR"}


async def solve(world: World, sample: Sample) -> Answer:
    context = await context_of(world, sample)
    used = Used()
    text = "".join([piece async for piece in world.recuerda.engine.reply(context, used)])
    return Answer(text, used, context)


async def context_of(world: World, sample: Sample) -> Context:
    """As a turn would fill it: knowledge and what is heard come from the product itself."""
    data, language, recuerda = sample.data, sample.language, world.recuerda
    message = data["message"]
    said = [Said(s["author"], s["text"]) for s in data.get("transcript", ())]
    statements = [fact["statement"] for fact in data.get("facts", ())]
    vector, *vectors = await recuerda.memories.embed([message, *statements])
    facts = [
        _fact(number, fact, language, float(own @ vector))
        for number, (fact, own) in enumerate(zip(data.get("facts", ()), vectors, strict=True), 1)
    ]
    turns = [*(Turn(s.author, s.text) for s in said), Turn("customer", message)]
    heard = await recuerda.listener.extract(turns, only=[len(turns) - 1], language=language)
    locale = data.get("locale") or _LOCALES[language]
    found = await look_up(recuerda.knowledge, message, language=language, locale=locale, heard=heard)
    return Context(
        brand=recuerda.settings.brand,
        message=message,
        language=language,
        now=_time(data.get("now")) or _NOW,
        customer_name=data.get("customer_name"),
        transcript=said,
        facts=sorted(facts, key=lambda f: -f.relevance),
        heard=heard,
        memories=[_memory(n, m) for n, m in enumerate(data.get("memories", ()), 1)],
        orders=[_memory(n, m) for n, m in enumerate(data.get("orders", ()), 101)],
        knowledge=found.passages,
        products=await Products(recuerda.knowledge).of(language),
        locale=locale,
        by_question=found.by_question,
        slips=found.slips,
    )


def _fact(number: int, fact: dict[str, Any], language: Language, relevance: float) -> KnownFact:
    return KnownFact(
        id=fact.get("id", f"fct_{number}"),
        category=fact["category"],
        attribute=fact.get("attribute"),
        value=fact.get("value"),
        statement=fact["statement"],
        subject=fact.get("subject", "customer"),
        language=from_locale(fact.get("language")) or language,
        said_at=_time(fact.get("said_at")) or datetime(2026, 11, 12, 10, 0, tzinfo=UTC),
        quote=fact.get("quote"),
        relevance=relevance,
        proposed=fact.get("proposed", False),
    )


def _memory(number: int, item: dict[str, Any]) -> KnownMemory:
    return KnownMemory(
        id=item.get("id", f"mem_{number}"),
        kind=item.get("kind", "order"),
        text=item["text"],
        at=_time(item.get("at")) or _NOW,
        speaker=item.get("speaker"),
        data=item.get("data"),
        score=item.get("score", 0.8),
    )


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


TASK = Task(
    "replies",
    "Replies to single messages, given what is known of the customer.",
    lambda: read("replies"),
    solve,
    score,
)
