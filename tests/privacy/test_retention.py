"""What is old goes by itself, and leaves no byte; what is in use keeps its evidence."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from recuerda.access import audit
from recuerda.models import (
    AuditEntry,
    Conversation,
    Customer,
    DataRequest,
    Erasure,
    Evidence,
    Fact,
    FactStatus,
    IdempotencyKey,
    Job,
    JobState,
    Memory,
    Message,
    now,
)
from recuerda.privacy import Purger
from recuerda.privacy.blackout import BLACK, black_out
from recuerda.settings import Settings
from tests.conftest import Shop, run_shop
from tests.privacy.shapes import holds, raw, shape

__all__ = ["shape"]

CANARY = "zarigüeya albina"
YEAR = timedelta(days=365)


async def purge(shop: Shop, later: timedelta) -> dict[str, int]:
    """As if it were so much later."""
    running = shop.recuerda
    return await Purger(running.db, running.memories, running.settings).run(now() + later)


async def told(shop: Shop, *texts: str, customer: str = "runner") -> tuple[str, str]:
    conversation = await shop.open(customer)
    for text in texts:
        await shop.say(conversation, text)
        await shop.settle(conversation)
    return conversation, await shop.customer_of(conversation)


async def rows(shop: Shop, table: Any) -> list[Any]:
    async with shop.recuerda.db.read() as session:
        return list((await session.exec(select(table))).all())


async def test_nothing_young_goes(shape: Settings) -> None:
    async with run_shop(shape) as shop:
        _, customer = await told(shop, "Uso talla 42")
        counts = await purge(shop, timedelta(days=1))
        assert not any(counts.values()), counts
        assert len(await shop.facts(customer)) == 1


async def test_an_old_conversation_goes_but_for_the_words_of_facts_in_use(
    shape: Settings, request: pytest.FixtureRequest
) -> None:
    # The database's own clock guards the audit log, and it has not moved on.
    async with run_shop(shape.model_copy(update={"retain_audit": 0})) as shop:
        conversation, customer = await told(
            shop, f"Hola. Ayer vi pasar una {CANARY}. Uso talla 42.", "Tengo el arco alto"
        )
        empty, _ = await told(shop, f"¿Viste mi {CANARY}?", customer="somebody else")
        [arch] = [f for f in await shop.facts(customer) if f["attribute"] == "arch_type"]
        await shop.http.post(f"/v1/facts/{arch['id']}/decisions", json={"decision": "reject"})
        assert holds(raw(shape, request), "zarig")
        await purge(shop, 2.1 * YEAR)
        again = await purge(shop, 2.1 * YEAR)
        assert not any(again.values()), again
        [fact] = await shop.facts(customer)
        assert fact["value"] == "42"
        [message] = await rows(shop, Message)
        [evidence] = await rows(shop, Evidence)
        assert message.text[evidence.start : evidence.end] == evidence.quote == fact["evidence"][0]["quote"]
        assert set(message.text.replace(evidence.quote, "")) <= {BLACK, " "}
        assert await rows(shop, Memory) == []
        assert [c.id for c in await rows(shop, Conversation)] == [conversation]
        assert (await shop.http.get(f"/v1/conversations/{empty}")).status_code == 404
        recalled = await shop.http.get(f"/v1/customers/{customer}/recall", params={"q": "zarigüeya"})
        assert recalled.json()["items"] == []
    for words in (CANARY, "zarig", "arco alto"):
        assert not holds(raw(shape, request), words), words


async def test_a_forgotten_fact_can_be_brought_back_for_a_while_then_its_words_go(
    shape: Settings, request: pytest.FixtureRequest
) -> None:
    async with run_shop(shape) as shop:
        _, customer = await told(shop, "Tengo el arco alto y uso talla 42", "Como dije, tengo el arco alto")
        [arch] = [f for f in await shop.facts(customer) if f["attribute"] == "arch_type"]
        await shop.http.post(f"/v1/facts/{arch['id']}/decisions", json={"decision": "forget"})
        assert (await purge(shop, timedelta(days=29)))["forgotten"] == 0
        assert [f["status"] for f in await shop.facts(customer, status="forgotten")] == [FactStatus.FORGOTTEN]
        assert (await purge(shop, timedelta(days=31)))["forgotten"] == 1
        [size] = await shop.facts(customer)
        assert size["value"] == "42"
        said = [m.text for m in await rows(shop, Message) if m.author == "customer"]
        assert "talla 42" in said[0]
        assert not any("arco alto" in message.text.lower() for message in await rows(shop, Message))
    assert not holds(raw(shape, request), "arco alto")


async def test_past_facts_and_memories_go_in_their_time(shape: Settings) -> None:
    async with run_shop(shape) as shop:
        _, customer = await told(shop, "Uso talla 42", "Perdón, mi talla es 43")
        old = (now() - 4 * YEAR).isoformat()
        note = {"kind": "note", "text": "compró unas botas", "at": old}
        await shop.http.post(f"/v1/customers/{customer}/memories", json=[note])
        await shop.recuerda.worker.drain()
        assert (await purge(shop, timedelta(days=1)))["memories"] == 1
        counts = await purge(shop, 1.1 * YEAR)
        assert counts["facts"] == 1
        [fact] = await shop.facts(customer)
        assert fact["value"] == "43"


async def test_a_fact_that_has_faded_goes_a_year_after(shape: Settings) -> None:
    async with run_shop(shape) as shop:
        _, customer = await told(shop, "Uso talla 42")
        async with shop.recuerda.db.write() as session:
            await session.exec(sa.update(Fact).values(expires_at=now() + timedelta(days=10)))
        assert (await purge(shop, YEAR + timedelta(days=5)))["facts"] == 0
        assert (await purge(shop, YEAR + timedelta(days=11)))["facts"] == 1
        assert await shop.facts(customer) == []


async def test_whoever_has_nothing_left_goes(shape: Settings) -> None:
    async with run_shop(shape) as shop:
        _, gone = await told(shop, "¿Abren hoy?", customer="passing by")
        _, known = await told(shop, "Uso talla 42")
        await purge(shop, 2.1 * YEAR)
        assert [customer.id for customer in await rows(shop, Customer)] == [known]
        assert (await shop.http.get(f"/v1/customers/{gone}")).status_code == 404


async def test_records_go_in_their_time(shape: Settings) -> None:
    async with run_shop(shape) as shop:
        await told(shop, "Uso talla 42")
        _, erased = await told(shop, "Hola", customer="erased")
        await shop.http.delete(f"/v1/customers/{erased}")
        await shop.recuerda.worker.drain()
        async with shop.recuerda.db.write() as session:
            session.add(IdempotencyKey(scope="x", key="k", fingerprint="f", resource_id="r"))
            session.add(Job(kind="later", lane="x", state=JobState.DEAD))
            session.add(Job(kind="later", lane="y"))
            old = AuditEntry(actor="ana", action="customer.read", at=now() - 3 * YEAR)
            session.add(old)
            audit.note(session, actor="ana", action="customer.read")
        await purge(shop, timedelta(days=8))
        assert {(job.kind, job.state) for job in await rows(shop, Job)} == {
            ("later", JobState.DEAD),
            ("later", JobState.READY),
        }
        assert await rows(shop, IdempotencyKey) == []
        assert old.id not in {entry.id for entry in await rows(shop, AuditEntry)}
        assert await rows(shop, AuditEntry)
        await purge(shop, timedelta(days=91))
        assert [job.state for job in await rows(shop, Job)] == [JobState.READY]
        assert await rows(shop, DataRequest)
        assert await rows(shop, Erasure)


async def test_zero_keeps_everything(shape: Settings) -> None:
    forever = {name: 0 for name in Settings.model_fields if name.startswith("retain_")}
    async with run_shop(shape.model_copy(update=forever)) as shop:
        _, customer = await told(shop, "Uso talla 42 y vi pasar un tren")
        before = len(await rows(shop, Job)), len(await rows(shop, Message)), len(await rows(shop, Memory))
        await purge(shop, 90 * YEAR)
        assert before == (
            len(await rows(shop, Job)),
            len(await rows(shop, Message)),
            len(await rows(shop, Memory)),
        )
        assert len(await shop.facts(customer)) == 1


def test_words_are_blacked_out_in_place() -> None:
    text = "vivo en Lima 👟 y uso talla 42"
    kept = text.index("talla 42")
    black = black_out(text, [(0, len(text))], [(kept, kept + 8)])
    assert len(black) == len(text)
    assert black.endswith("talla 42")
    assert black.replace("talla 42", "").replace(BLACK, "").strip() == ""
    assert black_out(text, []) == text


async def test_the_night_purges(settings: Settings) -> None:
    """The job is there, and a worker runs it."""
    async with run_shop(settings) as shop:
        await told(shop, "Hola")
        async with shop.recuerda.db.write() as session:
            session.add(Job(kind="purge", lane="recurring purge", payload={}))
            await session.exec(sa.update(Conversation).values(last_message_at=now() - 3 * YEAR))
            await session.exec(sa.update(Memory).values(at=now() - 3 * YEAR))
        await shop.recuerda.worker.drain()
        for job in await rows(shop, Job):
            assert job.state is not JobState.DEAD
        assert await rows(shop, Conversation) == []
        assert (await rows(shop, Message), await rows(shop, Memory)) == ([], [])
