"""Two times: when it was true, and when we learnt it. And how a fact explains itself."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from recuerda.api.auth import make_token
from tests.conftest import Shop


async def tell(shop: Shop, conversation: str, *texts: str) -> None:
    for text in texts:
        await shop.say(conversation, text)
        await shop.settle(conversation)


async def moment() -> str:
    """Now, apart from what was done before and what will be done after."""
    await asyncio.sleep(0.01)
    at = datetime.now(UTC).isoformat()
    await asyncio.sleep(0.01)
    return at


async def values(shop: Shop, customer: str, **query: str) -> list[str]:
    return [fact["value"] for fact in await shop.facts(customer, **query) if fact["attribute"] == "shoe_size"]


async def test_what_was_true_and_what_we_believed(shop: Shop) -> None:
    conversation = await shop.open()
    customer = await shop.customer_of(conversation)
    before = await moment()
    await tell(shop, conversation, "Uso talla 42")
    first = await moment()
    await tell(shop, conversation, "Perdón, mi talla es 43")
    second = await moment()
    newest = next(f for f in await shop.facts(customer) if f["value"] == "43")
    edit = {"decision": "edit", "value": "43.5"}
    assert (await shop.http.post(f"/v1/facts/{newest['id']}/decisions", json=edit)).status_code == 200

    assert await values(shop, customer, as_of=before) == []
    assert await values(shop, customer, as_of=first) == ["42"]
    assert await values(shop, customer, as_of=second) == ["43.5"]  # by what we know now
    assert await values(shop, customer, as_of=second, known_at=second) == ["43"]  # by what we knew then
    assert await values(shop, customer, known_at=before) == []
    assert await values(shop, customer, known_at=first, status="active") == ["42"]
    assert await values(shop, customer, known_at=second, status="active") == ["43"]
    [then] = await shop.facts(customer, known_at=first)
    assert (then["status"], then["valid_to"], then["superseded_by"]) == ("active", None, None)


async def test_a_rejected_fact_was_believed_and_a_forgotten_one_never_comes_back(shop: Shop) -> None:
    conversation = await shop.open()
    customer = await shop.customer_of(conversation)
    await tell(shop, conversation, "Uso talla 42. Corro en montaña")
    then = await moment()
    ids = {f["attribute"]: f["id"] for f in await shop.facts(customer)}
    await shop.http.post(f"/v1/facts/{ids['shoe_size']}/decisions", json={"decision": "reject"})
    await shop.http.post(f"/v1/facts/{ids['terrain']}/decisions", json={"decision": "forget"})
    known = await shop.facts(customer, known_at=then)
    assert [(f["attribute"], f["status"]) for f in known] == [("shoe_size", "active")]
    assert await shop.facts(customer, as_of=then) == []


async def test_said_again_after_a_reject_goes_to_review(shop: Shop) -> None:
    conversation = await shop.open()
    customer = await shop.customer_of(conversation)
    await tell(shop, conversation, "Uso talla 42")
    [fact] = await shop.facts(customer)
    await shop.http.post(f"/v1/facts/{fact['id']}/decisions", json={"decision": "reject"})
    await tell(shop, conversation, "Mi talla es 42")
    again, old = await shop.facts(customer)
    assert (old["status"], again["status"], again["review"]) == ("rejected", "proposed", "needed")
    await tell(shop, conversation, "Mi talla es 43")  # something else is heard as ever
    assert await values(shop, customer, status="active") == ["43"]


async def test_a_fact_explains_itself(shop: Shop) -> None:
    conversation = await shop.open()
    customer = await shop.customer_of(conversation)
    await tell(shop, conversation, "Uso talla 42", "¿Qué sabes de mí?", "Perdón, mi talla es 43")
    newer, older = await shop.facts(customer)
    story: dict[str, Any] = (await shop.http.get(f"/v1/facts/{older['id']}")).json()
    assert [(e["action"], e["actor"]) for e in story["history"]] == [
        ("recorded", "extractor"),
        ("superseded", "extractor"),
    ]
    assert story["history"][1]["before"]["status"] == "active"
    assert story["superseded_by"] == newer["id"]
    [use] = story["used_in"]
    messages = (await shop.http.get(f"/v1/conversations/{conversation}/messages")).json()["items"]
    [shown] = [m for m in messages if m["id"] == use["message_id"]]
    assert "42" in shown["text"]
    assert (await shop.http.get(f"/v1/facts/{newer['id']}")).json()["replaces"] == [older["id"]]


async def test_a_fact_is_explained_to_its_customer_only_and_without_names(shop: Shop) -> None:
    conversation = await shop.open()
    customer = await shop.customer_of(conversation)
    await tell(shop, conversation, "Uso talla 42")
    [fact] = await shop.facts(customer)
    await shop.http.post(f"/v1/facts/{fact['id']}/decisions", json={"decision": "confirm"})
    stranger = await shop.customer_of(await shop.open("stranger"))
    for who, status in ((customer, 200), (stranger, 404)):
        token, _ = make_token(shop.recuerda.secrets[0], who)
        headers = {"Authorization": f"Bearer {token}"}
        answer = await shop.http.get(f"/v1/facts/{fact['id']}", headers=headers)
        assert answer.status_code == status
        if status == 200:
            assert [e["actor"] for e in answer.json()["history"]] == ["extractor", "agent"]


@pytest.mark.parametrize("decision", ["edit", "reject"])
async def test_secrets_reach_neither_a_fact_nor_its_history(shop: Shop, decision: str) -> None:
    customer = await shop.customer_of(await shop.open())
    card = "4111 1111 1111 1111"
    stated = {"category": "preference", "statement": f"Pays with {card}", "value": card}
    made = (await shop.http.post(f"/v1/customers/{customer}/facts", json=stated)).json()
    change = {"decision": decision, "statement": f"Card {card}", "reason": f"said {card}"}
    changed = await shop.http.post(f"/v1/facts/{made['id']}/decisions", json=change)
    story = await shop.http.get(f"/v1/facts/{made['id']}")
    for answer in (str(made), changed.text, story.text):
        assert "4111" not in answer
    assert "[card]" in story.text
