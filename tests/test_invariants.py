"""The invariants of the design, numbered as there. Each test fails without what it guards."""

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.api.auth import make_token
from recuerda.models import (
    Author,
    Category,
    Conversation,
    Customer,
    Evidence,
    Fact,
    FactStatus,
    Job,
    Memory,
    Message,
    Source,
    now,
)
from recuerda.settings import Settings
from tests.conftest import Shop, make_settings, run_shop
from tests.fakes import FakeModel

SIZE = "Hola, uso talla 42 y tengo el arco alto"
WORDS = ("talla", "arco", "arch")  # of SIZE; no id can hold one by chance, as it can "42"
CARD = "4111 1111 1111 1111"


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings on SQLite, and on PostgreSQL with a Chroma server."""
    if request.param == "sqlite":
        return make_settings(tmp_path / "data")
    return make_settings(
        tmp_path / "data",
        database_url=request.getfixturevalue("postgres_url"),
        chroma_url=request.getfixturevalue("chroma_url"),
    )


async def told(shop: Shop, text: str = SIZE, customer: str = "runner") -> tuple[str, str]:
    """Say `text` and wait until it is remembered; returns the conversation and the customer."""
    conversation = await shop.open(customer)
    await shop.say(conversation, text)
    await shop.settle(conversation)
    return conversation, await shop.customer_of(conversation)


async def test_1_sql_is_the_truth_and_chroma_is_rebuilt_from_it(settings: Settings) -> None:
    async with run_shop(settings) as shop:
        _, customer = await told(shop, "Corro cada domingo por la ciclovía de Bogotá")
        assert await shop.recuerda.memories.ready()
    shutil.rmtree(settings.data_dir / "chroma")
    async with run_shop(settings) as shop:
        await shop.recuerda.memories.reindex(None)
        status = await shop.recuerda.memories.status()
        assert status["indexed"] == status["memories"] > 0
        found = await shop.http.get(f"/v1/customers/{customer}/recall", params={"q": "ciclovía los domingos"})
        assert "ciclovía" in found.json()["items"][0]["text"]


async def test_2_a_message_and_its_work_are_committed_together(shop: Shop) -> None:
    conversation = await shop.open()

    class Boom(Exception):
        pass

    with pytest.raises(Boom):
        async with shop.recuerda.db.write() as session:
            await shop.recuerda.turns.accept(session, conversation, SIZE, take=False)
            raise Boom
    async with shop.recuerda.db.read() as session:
        assert (await session.exec(select(Message))).all() == []
        assert (await session.exec(select(Job))).all() == []
    await shop.say(conversation, SIZE)
    async with shop.recuerda.db.read() as session:
        kinds = set((await session.exec(select(Job.kind))).all())
    assert {"reply", "learn"} <= kinds


async def _with_fact(either: Settings, quote: str, start: int, end: int, author: Author, text: str) -> None:
    async with run_shop(either) as shop, shop.recuerda.db.write() as session:
        customer = Customer()
        session.add(customer)
        await session.flush()
        conversation = Conversation(customer_id=customer.id, channel="web")
        session.add(conversation)
        await session.flush()
        message = Message(
            conversation_id=conversation.id, customer_id=customer.id, position=0, author=author, text=text
        )
        session.add(message)
        await session.flush()
        evidence = Evidence(
            fact_id="",
            message_id=message.id,
            conversation_id=conversation.id,
            customer_id=customer.id,
            channel="web",
            at=now(),
            quote=quote,
            start=start,
            end=end,
        )
        fact = Fact(
            customer_id=customer.id,
            category=Category.FIT,
            statement=quote,
            language="es",
            source=Source.CONVERSATION,
            evidence_id=evidence.id,
        )
        session.add(fact)
        await session.flush()
        evidence.fact_id = fact.id
        session.add(evidence)


@pytest.mark.parametrize(
    ("quote", "start", "end", "author"),
    [
        ("talla 43", 13, 21, Author.CUSTOMER),  # not what the message says
        ("talla 42", 9, 17, Author.CUSTOMER),  # not where it says it
        ("talla 42", 13, 21, Author.ASSISTANT),  # not said by the customer
    ],
)
async def test_3_the_database_refuses_a_fact_without_its_words(
    either: Settings, quote: str, start: int, end: int, author: Author
) -> None:
    text = "¡Hola! 👟 uso talla 42"
    with pytest.raises(sa.exc.DBAPIError):
        await _with_fact(either, quote, start, end, author, text)


async def test_3_the_database_takes_a_fact_with_its_words(either: Settings) -> None:
    text = "¡Hola! 👟 uso talla 42"
    start = text.index("talla")
    await _with_fact(either, "talla 42", start, start + 8, Author.CUSTOMER, text)


async def test_3_the_database_refuses_a_conversations_fact_without_evidence(shop: Shop) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        async with shop.recuerda.db.write() as session:
            customer = Customer()
            session.add(customer)
            await session.flush()
            session.add(
                Fact(
                    customer_id=customer.id,
                    category=Category.FIT,
                    statement="x",
                    language="es",
                    source=Source.CONVERSATION,
                )
            )


async def test_3_nothing_is_taken_from_the_assistants_words(settings: Settings) -> None:
    model = FakeModel("Claro: usas talla 45, tienes pie plano y vives en Lima.")
    async with run_shop(settings.model_copy(update={"engine": "llm"}), model=model) as shop:
        _, customer = await told(shop, "¿Qué zapatillas tienen?")
        assert await shop.facts(customer) == []


async def test_4_statements_keep_the_customers_language_and_values_have_none(shop: Shop) -> None:
    seen = {}
    for locale, text in [
        ("es-CO", "Tengo el arco alto"),
        ("en-US", "I have high arches"),
        ("pt-BR", "Tenho o arco alto"),
    ]:
        conversation = await shop.open(locale, locale)
        await shop.say(conversation, text)
        await shop.settle(conversation)
        [fact] = await shop.facts(await shop.customer_of(conversation))
        seen[locale] = fact
        assert fact["language"] == locale[:2]
        assert fact["evidence"][0]["quote"] in text
    assert {(f["attribute"], f["value"]) for f in seen.values()} == {("arch_type", "high")}
    assert len({f["statement"] for f in seen.values()}) == 3


async def test_5_one_current_value_and_the_older_is_kept(shop: Shop) -> None:
    conversation, customer = await told(shop, "Uso talla 42")
    await shop.say(conversation, "Perdón, mi talla es 43")
    await shop.settle(conversation)
    facts = {f["status"]: f for f in await shop.facts(customer) if f["attribute"] == "shoe_size"}
    assert facts["active"]["value"] == "43"
    assert facts["superseded"]["value"] == "42"
    assert facts["superseded"]["valid_to"] is not None
    assert facts["superseded"]["superseded_by"] == facts["active"]["id"]


async def test_5_a_repeat_adds_evidence_not_a_row(shop: Shop) -> None:
    conversation, customer = await told(shop, "Uso talla 42")
    await shop.say(conversation, "Como te dije, uso talla 42")
    await shop.settle(conversation)
    [fact] = [f for f in await shop.facts(customer) if f["attribute"] == "shoe_size"]
    assert len(fact["evidence"]) == 2


async def test_5_the_database_refuses_two_current_values(either: Settings) -> None:
    async with run_shop(either) as shop:
        async with shop.recuerda.db.write() as session:
            customer = Customer()
            session.add(customer)
        with pytest.raises(sa.exc.IntegrityError):
            async with shop.recuerda.db.write() as session:
                for value in ("42", "43"):
                    session.add(
                        Fact(
                            customer_id=customer.id,
                            category=Category.FIT,
                            attribute="shoe_size",
                            value=value,
                            single=True,
                            statement=value,
                            language="es",
                            source=Source.IMPORT,
                        )
                    )


async def test_6_a_customers_token_reaches_that_customer_only(shop: Shop) -> None:
    theirs, victim = await told(shop, SIZE, "victim")
    [fact, *_] = await shop.facts(victim)
    _, me = await told(shop, "Hola", "attacker")
    token, _ = make_token(shop.recuerda.secrets[0], me)
    erasure = "/v1/customers/" + victim
    attacks: list[tuple[str, str, Any]] = [
        ("GET", f"/v1/customers/{victim}", None),
        ("GET", f"/v1/customers/{victim}/facts", None),
        ("GET", f"/v1/customers/{victim}/recall?q=talla", None),
        ("GET", f"/v1/customers/{victim}/export", None),
        ("GET", "/v1/customers?external_id=victim", None),
        ("DELETE", erasure, None),
        ("GET", f"/v1/conversations/{theirs}", None),
        ("GET", f"/v1/conversations/{theirs}/messages", None),
        ("POST", f"/v1/conversations/{theirs}/messages", {"text": "hola"}),
        ("POST", f"/v1/conversations/{theirs}/handoff", None),
        ("POST", f"/v1/conversations/{theirs}/resolve", None),
        ("POST", f"/v1/conversations/{theirs}/rating", {"rating": 1}),
        ("POST", f"/v1/facts/{fact['id']}/decisions", {"decision": "forget"}),
        ("POST", f"/v1/customers/{me}/merges", {"other_id": victim}),
        (
            "POST",
            f"/v1/customers/{victim}/memories",
            [{"kind": "note", "text": "x", "at": "2026-01-01T00:00:00Z"}],
        ),
        ("POST", "/v1/tokens", {"external_id": "victim"}),
        (
            "POST",
            "/v1/chat/completions",
            {"user": "victim", "messages": [{"role": "user", "content": "hola"}]},
        ),
        ("PUT", "/v1/knowledge/x", {"title": "x", "text": "x", "language": "en"}),
        ("GET", "/v1/knowledge?q=talla", None),
    ]
    for method, path, body in attacks:
        response = await shop.http.request(
            method, path, json=body, headers={"Authorization": f"Bearer {token}"}
        )
        assert response.status_code in (403, 404), (method, path, response.status_code)
        assert not any(word in response.text for word in WORDS), (method, path)
    assert len(await shop.facts(victim)) == len(await shop.facts(victim, status="active"))


async def test_6_recall_is_bound_to_the_customer(shop: Shop) -> None:
    await told(shop, "Mi palabra secreta es zarigüeya", "victim")
    _, me = await told(shop, "Hola, busco zapatillas", "attacker")
    for q in ("zarigüeya", "victim", "' OR 1=1 --", '{"$ne": ""}', "palabra secreta"):
        found = await shop.http.get(f"/v1/customers/{me}/recall", params={"q": q, "limit": 50})
        assert "zarig" not in found.text


async def test_7_secrets_never_become_facts_nor_reach_memory_prompts_or_logs(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    model = FakeModel("Gracias.", "Gracias.")
    caplog.set_level("DEBUG")
    with_model = settings.model_copy(update={"engine": "llm"})
    async with run_shop(with_model, model=model) as shop:
        conversation, customer = await told(
            shop, f"Mi tarjeta es {CARD} y mi contraseña es Zorro-1987. Uso talla 42"
        )
        await shop.say(conversation, "¿La tienes?")
        await shop.settle(conversation)
        facts = json.dumps(await shop.facts(customer))
        async with shop.recuerda.db.read() as session:
            memories = " ".join((await session.exec(select(Memory.text))).all())
    for place in (facts, memories, "\n".join(model.asked), caplog.text):
        assert "4111" not in place
        assert "Zorro-1987" not in place
    assert "talla 42" in memories


@pytest.mark.parametrize("decision", ["reject", "forget"])
async def test_8_what_is_rejected_or_forgotten_never_reaches_a_reply(
    settings: Settings, decision: str
) -> None:
    model = FakeModel("Anotado.", "Claro.", "Claro.")
    async with run_shop(settings.model_copy(update={"engine": "llm"}), model=model) as shop:
        conversation, customer = await told(shop, "Tengo el arco alto")
        [fact] = await shop.facts(customer)
        await shop.http.post(f"/v1/facts/{fact['id']}/decisions", json={"decision": decision})
        await shop.say(conversation, "¿Cómo es mi pie?")
        again = await shop.open()
        await shop.say(again, "¿Qué arco tengo?")
    for prompt in model.asked[1:]:
        assert "arco alto" not in prompt


async def test_8_what_is_superseded_or_expired_never_reaches_a_reply(settings: Settings) -> None:
    model = FakeModel("Anotado.", "Anotado.", "Claro.")
    async with run_shop(settings.model_copy(update={"engine": "llm"}), model=model) as shop:
        conversation, customer = await told(shop, "Uso talla 42. Tengo el arco alto")
        await shop.say(conversation, "Perdón, mi talla es 43")
        await shop.settle(conversation)
        async with shop.recuerda.db.write() as session:
            await session.exec(
                sa.update(Fact)
                .where(col(Fact.customer_id) == customer, col(Fact.attribute) == "arch_type")
                .values(expires_at=now())
            )
        await shop.say(await shop.open(), "¿Qué me recomiendas?")
        [arch] = [f for f in await shop.facts(customer) if f["attribute"] == "arch_type"]
        assert arch["status"] == FactStatus.EXPIRED
    facts = model.asked[-1].rsplit("<facts>", 1)[1].split("</facts>")[0]
    assert "43" in facts
    assert "42" not in facts
    assert "arco alto" not in facts


async def test_9_erasure_leaves_no_trace_in_any_file(settings: Settings) -> None:
    canary = "zarigüeya albina"
    async with run_shop(settings) as shop:
        _, other = await told(shop, "Uso talla 40 y corro en Lima", "somebody else")
        _, customer = await told(shop, f"Tengo una {canary} que me acompaña a correr. Uso talla 42")
        assert (await shop.http.delete(f"/v1/customers/{customer}")).status_code == 202
        await shop.recuerda.worker.drain()
        assert (await shop.http.get(f"/v1/customers/{other}")).status_code == 200
    data = b"".join(path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file())
    assert b"talla 40" in data  # the search would find what is there
    for words in (canary, canary.upper(), "zarig"):
        assert words.encode() not in data
    assert customer.encode() in data  # only in the erasure's receipt


async def test_10_no_network_call_but_to_what_is_configured(
    stocked: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            called.append(address)
        connect(self, address)

    def looked_up(*name: Any, **_: Any) -> list[Any]:
        called.append(name)
        return []

    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setattr(socket.socket, "connect", watched)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    conversation = await stocked.open()
    await stocked.say(conversation, "Hola, uso talla 42. ¿Cuántos días tengo para devolver?")
    await stocked.settle(conversation)
    assert called == []
