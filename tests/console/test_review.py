"""Reviewing over HTTP: the queue, the words, the decisions, and who made them."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from recuerda.models import Fact, Review
from tests.console.conftest import EMAIL, Console

SAID = "Hola, voy a devolver el último par: no me dieron soporte para mi arco alto. Uso talla 42"


async def talk(console: Console, text: str = SAID, customer: str = "runner") -> dict[str, dict[str, Any]]:
    """A customer says it; the facts taken from it, by attribute."""
    conversation = await console.shop.open(customer)
    await console.shop.say(conversation, text)
    await console.shop.settle(conversation)
    facts = await console.shop.facts(await console.shop.customer_of(conversation))
    return {fact["attribute"]: fact for fact in facts}


async def decide(
    console: Console, fact: dict[str, Any], decision: str, status: int = 303, **fields: str
) -> None:
    page = f"/console/facts/{fact['id']}?show=1"
    version = (await console.get(page)).split('name="version" value="')[1].split('"')[0]
    await console.post(
        f"/console/facts/{fact['id']}/decisions",
        on=page,
        status=status,
        **{"decision": decision, "version": version, **fields},
    )


async def doubt(console: Console, facts: dict[str, dict[str, Any]]) -> None:
    """As if none of them had been sure: the queue is for those."""
    async with console.shop.recuerda.db.write() as session:
        ids = [fact["id"] for fact in facts.values()]
        await session.exec(sa.update(Fact).where(col(Fact.id).in_(ids)).values(review=Review.NEEDED))


async def test_only_what_is_unsure_waits_for_review(console: Console) -> None:
    facts = await talk(console, "Uso talla 42 y tengo diabetes tipo 2")
    page = await console.get("/console/review")
    assert facts["shoe_size"]["review"] == "not_needed"
    assert facts["shoe_size"]["id"] not in page
    assert facts["condition"]["review"] == "needed"
    assert facts["condition"]["id"] in page


async def test_the_queue_shows_each_fact_with_its_words(console: Console) -> None:
    assert "Nothing waits for review" in await console.get("/console/review")
    facts = await talk(console)
    await doubt(console, facts)
    page = await console.get("/console/review")
    for fact in facts.values():
        assert f'id="{fact["id"]}"' in page
        assert f"<mark>{fact['evidence'][0]['quote']}</mark>" in page
    assert "Nothing waits with these filters" in await console.get("/console/review?language=pt")
    fits = await console.get("/console/review?category=fit")
    assert facts["shoe_size"]["id"] in fits
    assert facts["problem"]["id"] not in fits


async def test_the_exact_words_are_marked_in_the_conversation(console: Console) -> None:
    facts = await talk(console)
    await talk(console, "Como te dije, uso talla 42. 👟 Y el arco alto me duele")
    page = await console.get(f"/console/facts/{facts['shoe_size']['id']}")
    assert page.count("<mark>") == len((await talk(console))["shoe_size"]["evidence"]) - 1


async def test_decisions_are_kept_with_who_and_why(console: Console) -> None:
    facts = await talk(console)
    await decide(console, facts["shoe_size"], "confirm")
    await decide(
        console, facts["arch_type"], "edit", statement="Tiene el arco alto", value="high", reason="clearer"
    )
    await decide(console, facts["problem"], "reject", reason="it was another pair")
    customer = facts["problem"]["customer_id"]
    stated = {"category": "preference", "attribute": "colour", "value": "blue", "statement": "Likes blue"}
    told = await console.shop.http.post(f"/v1/customers/{customer}/facts", json=stated)
    await decide(console, told.json(), "forget")
    after = {f["attribute"]: f for f in await console.shop.facts(customer)}
    assert {name: after[name]["status"] for name in ("shoe_size", "arch_type", "problem", "colour")} == {
        "shoe_size": "active",
        "arch_type": "active",
        "problem": "rejected",
        "colour": "forgotten",
    }
    assert after["arch_type"]["statement"] == "Tiene el arco alto"
    assert after["shoe_size"]["review"] == "done"
    page = await console.get(f"/console/facts/{facts['arch_type']['id']}")
    assert EMAIL in page
    assert "Reason: clearer" in page
    assert f"Before: {facts['arch_type']['statement']}" in page
    queue = await console.get("/console/review")
    assert not any(facts[name]["id"] in queue for name in ("shoe_size", "arch_type", "problem"))


async def test_what_changed_meanwhile_is_looked_at_again(console: Console) -> None:
    facts = await talk(console)
    await decide(console, facts["shoe_size"], "confirm")
    await decide(console, facts["shoe_size"], "reject", status=409, version="1")
    assert (await talk(console))["shoe_size"]["status"] == "active"


@pytest.mark.parametrize(
    "fields",
    [{"decision": "destroy"}, {"decision": "confirm", "version": "x"}, {"decision": "edit", "statement": ""}],
)
async def test_a_bad_form_changes_nothing(console: Console, fields: dict[str, str]) -> None:
    facts = await talk(console)
    await decide(console, facts["shoe_size"], status=422, **fields)
    assert (await talk(console))["shoe_size"]["review"] == "not_needed"


async def test_special_categories_are_hidden_until_asked_for(console: Console) -> None:
    said = "Tengo diabetes tipo 2 y uso talla 42"
    facts = await talk(console, said)
    await doubt(console, facts)
    special = next(f for f in facts.values() if f["sensitivity"] == "special")
    customer = special["customer_id"]
    repeated = await console.shop.open("runner")
    await console.shop.say(repeated, "¿Qué sabes de mí?")  # the reply says it again
    places = (
        "/console/review",
        f"/console/facts/{special['id']}",
        f"/console/facts/{facts['shoe_size']['id']}",
        f"/console/customers/{customer}",
        f"/console/conversations/{special['evidence'][0]['conversation_id']}",
        "/console/conversations",
        f"/console/conversations/{repeated}",
    )
    for place in places:
        page = await console.get(place)
        assert special["evidence"][0]["quote"].lower() not in page.lower(), place
        assert "Hidden" in page
    assert special["statement"] in await console.get(f"/console/facts/{special['id']}?show=1")
    assert special["statement"] in await console.get(f"/console/customers/{customer}?show=1")


async def test_a_fact_shows_what_became_of_it_and_who_used_it(console: Console) -> None:
    conversation = await console.shop.open("runner")
    for text in ("Uso talla 42", "¿Qué sabes de mí?", "Perdón, mi talla es 43"):
        await console.shop.say(conversation, text)
        await console.shop.settle(conversation)
    customer = await console.shop.customer_of(conversation)
    facts = {f["value"]: f for f in await console.shop.facts(customer) if f["attribute"] == "shoe_size"}
    messages = (await console.shop.http.get(f"/v1/conversations/{conversation}/messages")).json()["items"]
    [shown] = [m["id"] for m in messages if facts["42"]["id"] in ((m["receipt"] or {}).get("facts") or [])]
    old = await console.get(f"/console/facts/{facts['42']['id']}")
    assert f"/console/conversations/{conversation}#{shown}" in old
    assert "A newer fact replaced this one" in old
    new = await console.get(f"/console/facts/{facts['43']['id']}")
    assert f"/console/facts/{facts['42']['id']}" in new
    assert "No reply has used it yet" in new


async def test_what_is_not_remembered_says_so(console: Console) -> None:
    conversation = await console.shop.open("runner")
    await console.shop.say(conversation, "no guardes nada de esta conversación")
    await console.shop.say(conversation, "deja de recordarme cosas")
    customer = await console.shop.customer_of(conversation)
    assert "Not remembered" in await console.get(f"/console/conversations/{conversation}")
    page = await console.get(f"/console/customers/{customer}")
    assert "Memory is off" in page
    assert "Not remembered" in page


async def test_an_unknown_fact_is_a_page(console: Console) -> None:
    assert "There is nothing here" in await console.get("/console/facts/fct_nothing", status=404)
    assert "There is nothing here" in await console.get("/console/no-such-page", status=404)
