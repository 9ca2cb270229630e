"""What a reply asks about memory: once, and only a plain yes right after it counts."""

from typing import Any

import pytest
from sqlmodel import select

from recuerda import consent
from recuerda.models import Fact, FactEvent, Job, Purpose
from recuerda.settings import Settings
from recuerda.turns.learn import Learner
from tests.conftest import Shop, run_shop
from tests.fakes import FakeModel

TOLD = {
    "es-CO": ("Tengo diabetes tipo 2", "Sí, claro", "no, gracias", "¿me permites recordar"),
    "en-US": ("I have asthma", "Yes, please do", "no thanks", "may i remember"),
    "pt-BR": ("Tenho diabetes", "Pode sim", "prefiro que não", "posso lembrar"),
}


async def said(shop: Shop, conversation: str, text: str) -> dict[str, Any]:
    reply: dict[str, Any] = (await shop.say(conversation, text))["reply"]
    await shop.settle(conversation)
    return reply


async def only_fact(shop: Shop, conversation: str) -> dict[str, Any]:
    [fact] = await shop.facts(await shop.customer_of(conversation))
    return fact


async def events(shop: Shop, fact_id: str) -> list[tuple[str, str, str | None]]:
    async with shop.recuerda.db.read() as session:
        query = select(FactEvent).where(FactEvent.fact_id == fact_id).order_by(FactEvent.id)
        return [(e.action, e.actor, e.reason) for e in (await session.exec(query)).all()]


@pytest.mark.parametrize("locale", TOLD)
async def test_a_yes_is_consent(shop: Shop, locale: str) -> None:
    told, yes, _, question = TOLD[locale]
    conversation = await shop.open(locale, locale)
    reply = await said(shop, conversation, told)
    assert question in reply["text"].lower()
    assert reply["text"].count("?") == 1
    fact = await only_fact(shop, conversation)
    assert (fact["status"], fact["sensitivity"]) == ("proposed", "special")
    assert fact["value"] not in reply["text"].rsplit("\n", 1)[1]  # the question quotes no more than it must
    await said(shop, conversation, yes)
    fact = await only_fact(shop, conversation)
    assert fact["status"] == "active"
    assert fact["purposes"] == ["service"]
    assert await events(shop, fact["id"]) == [
        ("recorded", "extractor", None),
        ("asked", "assistant", "consent"),
        ("confirm", "customer", "consent"),
    ]
    async with shop.recuerda.db.read() as session:
        assert await consent.has(session, fact["customer_id"], Purpose.SPECIAL)


@pytest.mark.parametrize("locale", TOLD)
async def test_a_no_forgets_it_and_can_be_undone(shop: Shop, locale: str) -> None:
    told, _, no, _ = TOLD[locale]
    conversation = await shop.open(locale, locale)
    await said(shop, conversation, told)
    await said(shop, conversation, no)
    assert (await only_fact(shop, conversation))["status"] == "forgotten"
    await said(shop, conversation, {"es": "deshacer", "en": "undo", "pt": "desfazer"}[locale[:2]])
    assert (await only_fact(shop, conversation))["status"] == "proposed"  # undone, but not agreed to


@pytest.mark.parametrize(
    "answers",
    [
        ["ok thanks", "yes"],
        ["thanks"],
        ["yes and how much is shipping"],
        ["yes I want to buy the blue ones"],
        ["what socks do you have?", "yes"],
        ["I wear size 43", "sure"],
        ["please"],
        ["forget everything", "yes I'm not sure"],
    ],
)
async def test_nothing_else_is_consent_and_it_is_asked_once(shop: Shop, answers: list[str]) -> None:
    conversation = await shop.open("runner", "en-US")
    await said(shop, conversation, "I have asthma")
    for answer in answers:
        reply = await said(shop, conversation, answer)
        assert "may i remember" not in reply["text"].lower()
    again = await said(shop, await shop.open("runner", "en-US"), "hello")
    assert "may i remember" not in again["text"].lower()
    facts = await shop.facts(await shop.customer_of(conversation))
    assert [f["status"] for f in facts if f["sensitivity"] == "special"] == ["proposed"]


async def test_the_question_goes_before_our_offer_of_a_person(shop: Shop) -> None:
    conversation = await shop.open("runner", "en-US")
    first = await said(shop, conversation, "I have asthma and I want to return my shoes")
    assert first["text"].count("?") == 1
    assert first["receipt"]["asked"]["kind"] == "consent"
    await said(shop, conversation, "yes")
    facts = await shop.facts(await shop.customer_of(conversation))
    assert [f["status"] for f in facts if f["sensitivity"] == "special"] == ["active"]


async def test_one_question_about_the_past_in_a_conversation(shop: Shop) -> None:
    first = await shop.open("runner", "en-US")
    for told in ("let me talk to a person", "I have asthma", "I have diabetes"):
        await said(shop, first, told)
    second = await shop.open("runner", "en-US")
    asked = [(await said(shop, second, text))["receipt"]["asked"] for text in ("hello", "thanks", "thanks")]
    assert [bool(question) for question in asked] == [True, False, False]


@pytest.mark.parametrize(("answer", "status"), [("sí", "active"), ("no", "forgotten")])
async def test_an_answer_that_comes_before_the_fact_is_written(
    settings: Settings, answer: str, status: str
) -> None:
    async with run_shop(settings) as shop:
        await shop.recuerda.worker.stop()
        conversation = await shop.open()
        await shop.say(conversation, "Tengo diabetes tipo 2")
        await shop.say(conversation, answer)
        assert await shop.facts(await shop.customer_of(conversation)) == []
        learner = shop.recuerda.worker._handlers["learn"].__self__  # type: ignore[attr-defined]
        assert isinstance(learner, Learner)
        async with shop.recuerda.db.read() as session:
            jobs = (await session.exec(select(Job).where(Job.kind == "learn").order_by(Job.id))).all()  # type: ignore[arg-type]
        write = await learner.learn(jobs[0].payload)
        assert write is not None
        for _ in range(2):  # at least once
            async with shop.recuerda.db.write() as session:
                await write(session)
        fact = await only_fact(shop, conversation)
        assert fact["status"] == status
        assert [e[0] for e in await events(shop, fact["id"])].count("asked") == 1


async def test_a_fact_stated_by_the_brand_awaits_the_customer_too(shop: Shop) -> None:
    conversation = await shop.open("runner", "en-US")
    customer = await shop.customer_of(conversation)
    stated = {"category": "health", "attribute": "condition", "value": "asthma", "statement": "Has asthma"}
    made = await shop.http.post(f"/v1/customers/{customer}/facts", json=stated)
    assert (made.json()["status"], made.json()["sensitivity"]) == ("proposed", "special")
    await said(shop, conversation, "hello, thanks")
    await said(shop, conversation, "yes")
    assert (await only_fact(shop, conversation))["status"] == "active"


async def test_marketing_uses_what_policy_and_customer_allow(settings: Settings) -> None:
    async with run_shop(settings.model_copy(update={"marketing_uses": ("none",)})) as shop:
        conversation = await shop.open("runner", "en-US")
        customer = await shop.customer_of(conversation)
        await said(shop, conversation, "I wear size 43. I like blue. I have asthma")
        await said(shop, conversation, "yes")
        assert len(await shop.facts(customer, purpose="service")) == 3
        assert await shop.facts(customer, purpose="marketing") == []  # the customer did not say so
        async with shop.recuerda.db.write() as session:
            await consent.give(session, customer, Purpose.MARKETING, how="chat", actor="customer")
        assert [f["attribute"] for f in await shop.facts(customer, purpose="marketing")] == ["colour"]


async def test_the_question_is_not_the_models(settings: Settings) -> None:
    model = FakeModel("Thank you.", "Shall I look for shoes?", "Fine.")
    async with run_shop(settings.model_copy(update={"engine": "llm"}), model=model) as shop:
        conversation = await shop.open("runner", "en-US")
        reply = await said(shop, conversation, "I have asthma")
        assert reply["text"].startswith("Thank you.")
        assert "May I remember" in reply["text"]
        assert "May I remember" not in model.asked[0]
        other = await shop.open("walker", "en-US")
        reply = await said(shop, other, "I have asthma")  # the model asks something of its own
        assert reply["receipt"]["asked"] is None
        assert (await said(shop, other, "well"))["receipt"]["asked"]["kind"] == "consent"


def order(n: int, size: str, **more: Any) -> dict[str, Any]:
    items = [{"product": f"p{n}", "size": size}]
    data = {"order": f"9000{n}", "status": "delivered", "items": items} | more
    at = f"2027-0{n}-10T12:00:00Z"
    return {
        "kind": "order",
        "id": f"o{n}",
        "text": f"Order 9000{n}: shoes size {size}",
        "at": at,
        "data": data,
    }


DRIFT = {"en-US": ("I wear size 42", "yes"), "es-CO": ("Uso talla 42", "sí"), "pt-BR": ("Calço 42", "sim")}


@pytest.mark.parametrize("locale", DRIFT)
async def test_drift_is_asked_about_once_and_a_yes_renews(shop: Shop, locale: str) -> None:
    told, yes = DRIFT[locale]
    conversation = await shop.open(locale, locale)
    customer = await shop.customer_of(conversation)
    await said(shop, conversation, told)
    orders = [order(1, "42"), order(2, "43"), order(3, "43")]
    await shop.http.post(f"/v1/customers/{customer}/memories", json=orders)
    reply = await said(shop, conversation, "hola")
    assert "42" in reply["text"]
    assert "43" in reply["text"]
    assert reply["receipt"]["asked"]["kind"] == "drift"
    assert (await only_fact(shop, conversation))["value"] == "42"  # asked, not assumed
    await said(shop, conversation, yes)
    sizes = {f["value"]: f for f in await shop.facts(customer)}
    assert sizes["42"]["status"] == "superseded"
    assert sizes["42"]["superseded_by"] == sizes["43"]["id"]
    assert (sizes["43"]["status"], sizes["43"]["source"]) == ("active", "customer")
    assert (await said(shop, conversation, "hola"))["receipt"]["asked"] is None


async def test_drift_refused_is_not_asked_again(shop: Shop) -> None:
    conversation = await shop.open("runner", "en-US")
    customer = await shop.customer_of(conversation)
    await said(shop, conversation, "I wear size 42")
    await shop.http.post(f"/v1/customers/{customer}/memories", json=[order(2, "43"), order(3, "43")])
    assert (await said(shop, conversation, "hello"))["receipt"]["asked"]["value"] == "43"
    await said(shop, conversation, "no, keep it as it is")
    assert (await said(shop, conversation, "hello"))["receipt"]["asked"] is None
    fact = await only_fact(shop, conversation)
    assert (fact["value"], fact["status"], fact["review"]) == ("42", "active", "done")


@pytest.mark.parametrize(
    "orders",
    [
        [order(3, "43")],  # once is a gift
        [order(2, "43"), order(3, "44")],
        [order(2, "43"), order(3, "42")],
        [order(2, "43"), order(3, "43", status="returned")],
        [order(2, "M"), order(3, "M")],  # another kind of size
        [order(2, "12"), order(3, "12")],  # too far to be the same thing
    ],
)
async def test_what_is_no_drift(shop: Shop, orders: list[dict[str, Any]]) -> None:
    conversation = await shop.open("runner", "en-US")
    customer = await shop.customer_of(conversation)
    await said(shop, conversation, "I wear size 42")
    await shop.http.post(f"/v1/customers/{customer}/memories", json=orders)
    assert (await said(shop, conversation, "hello"))["receipt"]["asked"] is None


async def test_no_question_while_nothing_is_remembered(shop: Shop) -> None:
    conversation = await shop.open("runner", "en-US")
    await said(shop, conversation, "stop remembering")
    reply = await said(shop, conversation, "I have asthma")
    assert reply["receipt"]["asked"] is None
    async with shop.recuerda.db.read() as session:
        assert (await session.exec(select(Fact.id))).all() == []
