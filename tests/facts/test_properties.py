"""Whatever order things come in: one current value, evidence word for word, a whole history, replays nothing.

Through the API, against a running server; each example is a customer of their own.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from recuerda.ids import new_id
from recuerda.models import CURRENT, Evidence, Fact, FactEvent, FactStatus, Job, Message
from recuerda.turns.learn import Learner
from tests.conftest import Shop, make_settings, run_shop

SAYINGS = (
    "Uso talla 42",
    "Uso talla 43",
    "Perdón, mi talla es 44",
    "Vivo en Bogotá",
    "Me mudé a Lima",
    "Ahora vivo en Quito y uso talla 42",
    "Tengo el arco alto",
    "Tengo diabetes tipo 2",
    "sí",
    "no",
    "gracias",
    "olvida mi talla",
    "deshacer",
    "no guardes nada de esta conversación",
    "¿qué sabes de mí?",
)
DECISIONS = ("confirm", "edit", "reject", "forget")

steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(SAYINGS)),
        st.tuples(st.just("elsewhere"), st.sampled_from(SAYINGS)),
        st.tuples(st.just("decide"), st.sampled_from(DECISIONS), st.integers(0, 9)),
        st.tuples(st.just("state"), st.sampled_from(("40", "41", "42"))),
        st.tuples(st.just("replay"), st.integers(0, 9)),
    ),
    min_size=2,
    max_size=9,
)


class Server:
    """One shop for all examples; hypothesis is not asynchronous."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        opened = self._stack.enter_async_context(run_shop(make_settings(folder / "data")))
        self.shop: Shop = self.loop.run_until_complete(opened)

    def close(self) -> None:
        self.loop.run_until_complete(self._stack.aclose())
        self.loop.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("properties"))
    yield made
    made.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=steps)
@example(story=[("say", "Uso talla 42"), ("say", "deshacer"), ("say", "Uso talla 43")])
def test_any_interleaving(server: Server, story: Sequence[tuple[Any, ...]]) -> None:
    server.loop.run_until_complete(_live(server.shop, story))


async def _live(shop: Shop, story: Sequence[tuple[Any, ...]]) -> None:
    name = new_id("who")
    conversations = {"say": await shop.open(name), "elsewhere": await shop.open(name)}
    customer = await shop.customer_of(conversations["say"])
    for what, *how in story:
        if what in conversations:
            await shop.say(conversations[what], how[0])
            await shop.settle(conversations[what])
        elif what == "state":
            body = {
                "category": "fit",
                "attribute": "shoe_size",
                "value": how[0],
                "statement": f"Size {how[0]}",
            }
            assert (await shop.http.post(f"/v1/customers/{customer}/facts", json=body)).status_code == 201
        elif what == "decide":
            await _decide(shop, customer, *how)
        else:
            await _replay(shop, customer, how[0])
        await _holds(shop, customer)
    before = await _state(shop, customer)
    for n in range(10):
        await _replay(shop, customer, n)
    assert await _state(shop, customer) == before


async def _decide(shop: Shop, customer: str, decision: str, which: int) -> None:
    facts = await shop.facts(customer)
    if facts:
        body = {"decision": decision} | ({"value": "39"} if decision == "edit" else {})
        answer = await shop.http.post(f"/v1/facts/{facts[which % len(facts)]['id']}/decisions", json=body)
        assert answer.status_code in (200, 409), answer.text


async def _replay(shop: Shop, customer: str, which: int) -> None:
    """The same job again, as after a crash between its write and its mark."""
    async with shop.recuerda.db.read() as session:
        query = select(Job).where(Job.customer_id == customer, Job.kind == "learn").order_by(col(Job.id))
        jobs = (await session.exec(query)).all()
    if jobs:
        learner = shop.recuerda.worker._handlers["learn"].__self__  # type: ignore[attr-defined]
        assert isinstance(learner, Learner)
        write = await learner.learn(jobs[which % len(jobs)].payload)
        if write is not None:
            async with shop.recuerda.db.write() as session:
                await write(session)


async def _rows(shop: Shop, customer: str) -> tuple[Sequence[Fact], Sequence[FactEvent], Sequence[Any]]:
    async with shop.recuerda.db.read() as session:
        facts = await session.exec(select(Fact).where(Fact.customer_id == customer).order_by(col(Fact.id)))
        events = await session.exec(
            select(FactEvent).where(FactEvent.customer_id == customer).order_by(col(FactEvent.id))
        )
        said = await session.exec(
            select(Evidence, Message.text)
            .join(Message, col(Message.id) == col(Evidence.message_id))
            .where(Evidence.customer_id == customer)
        )
        return facts.all(), events.all(), said.all()


async def _holds(shop: Shop, customer: str) -> None:
    facts, events, said = await _rows(shop, customer)
    current = [
        (f.subject, f.attribute) for f in facts if f.single and f.attribute and f.status is FactStatus.ACTIVE
    ]
    assert len(current) == len(set(current))
    assert all(text[evidence.start : evidence.end] == evidence.quote for evidence, text in said)
    for fact in facts:
        _history_is_whole(fact, [event for event in events if event.fact_id == fact.id])


_LEADS_TO = {
    "superseded": FactStatus.SUPERSEDED,
    "confirm": FactStatus.ACTIVE,
    "edit": FactStatus.ACTIVE,
    "reject": FactStatus.REJECTED,
    "forget": FactStatus.FORGOTTEN,
}


def _history_is_whole(fact: Fact, events: Sequence[FactEvent]) -> None:
    """Each change starts from the status the one before left, and the last one leaves today's."""
    assert events[0].action == "recorded"
    status = None
    for event in events:
        if event.before is not None:
            assert status in (None, FactStatus(event.before["status"])), [e.action for e in events]
            status = _LEADS_TO.get(event.action)
    assert status in (None, fact.status)
    if status is None and not any(event.action == "restored" for event in events):
        assert fact.status in CURRENT


async def _state(shop: Shop, customer: str) -> Any:
    facts, events, said = await _rows(shop, customer)
    return (
        [fact.model_dump(exclude={"embedding", "embedder"}) for fact in facts],
        [event.model_dump() for event in events],
        sorted(evidence.id for evidence, _ in said),
    )
