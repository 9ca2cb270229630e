"""The whole story over HTTP, in three languages: told once, remembered, reviewed, used, forgotten."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from recuerda.demo import SHOP
from tests.conftest import Shop


@dataclass(frozen=True)
class Script:
    locale: str
    complaint: str
    wants: str
    about_me: str
    statement: str


TOLD = {"return", "problem", "arch_type", "shoe_size"}
CATALOGUE: list[dict[str, Any]] = json.loads(SHOP.joinpath("catalogue.json").read_text("utf-8"))
SCRIPTS = {
    "es": Script(
        "es-CO",
        "Hola, voy a devolver el último par: no me dieron soporte para mi arco alto. Uso talla 42",
        "¿Qué zapatillas me recomiendas comprar?",
        "¿Qué sabes de mí?",
        "Tiene el arco alto",
    ),
    "en": Script(
        "en-US",
        "Hi, I'm returning my last pair: they gave no support for my high arches. I wear size 42",
        "Which shoes should I buy?",
        "What do you know about me?",
        "Has high arches",
    ),
    "pt": Script(
        "pt-BR",
        "Oi, vou devolver o último par: não deu suporte para o meu arco alto. Uso tamanho 42",
        "Qual tênis você me recomenda comprar?",
        "O que você sabe sobre mim?",
        "Tem o arco alto",
    ),
}


def by_attribute(facts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {fact["attribute"]: fact for fact in facts if fact["attribute"]}


@pytest.mark.parametrize("language", SCRIPTS)
async def test_the_runners_story(stocked: Shop, language: str) -> None:
    script = SCRIPTS[language]
    first = await stocked.open("runner", script.locale)
    customer = await stocked.customer_of(first)

    turn = await stocked.say(first, script.complaint)
    assert turn["reply"]["language"] == language
    await stocked.settle(first, seconds=2)

    facts = await stocked.facts(customer, status="active")
    known = by_attribute(facts)
    assert set(known) >= TOLD, facts
    assert known["shoe_size"]["value"] == "42"
    assert known["arch_type"]["value"] == "high"
    for fact in facts:
        [evidence] = fact["evidence"]
        assert script.complaint[evidence["start"] : evidence["end"]] == evidence["quote"]

    confirmed = await stocked.http.post(
        f"/v1/facts/{known['shoe_size']['id']}/decisions", json={"decision": "confirm"}
    )
    edited = await stocked.http.post(
        f"/v1/facts/{known['arch_type']['id']}/decisions",
        json={"decision": "edit", "statement": script.statement, "reason": "clearer"},
    )
    assert confirmed.json()["review"] == "done"
    assert edited.json()["statement"] == script.statement

    second = await stocked.open("runner", script.locale)
    reply = (await stocked.say(second, script.wants))["reply"]
    [first_named, *_] = sorted(
        (p for p in CATALOGUE if p["name"] in reply["text"]), key=lambda p: reply["text"].index(p["name"])
    )
    assert "high" in first_named["fits"]["arch_type"]
    assert "42" in first_named["fits"]["shoe_size"]
    assert set(reply["receipt"]["facts"]) >= {known[name]["id"] for name in TOLD}

    stranger = await stocked.open("somebody else", script.locale)
    other = (await stocked.say(stranger, script.wants))["reply"]
    assert other["receipt"]["facts"] == []
    assert other["receipt"]["because"] == []
    assert script.statement not in other["text"]

    mine = (await stocked.say(second, script.about_me))["reply"]
    assert "42" in mine["text"]
    assert script.statement.lower() in mine["text"].lower()

    erased = await stocked.http.delete(f"/v1/customers/{customer}")
    assert erased.status_code == 202
    assert (await stocked.http.get(f"/v1/customers/{customer}")).status_code == 404
    assert (await stocked.http.get(f"/v1/conversations/{first}")).status_code == 404
    for _ in range(100):
        receipt = (await stocked.http.get(f"/v1/erasures/{erased.json()['erasure_id']}")).json()
        if receipt["status"] == "done":
            break
        await asyncio.sleep(0.1)
    assert receipt["status"] == "done"
    again = await stocked.open("runner", script.locale)
    assert (await stocked.say(again, script.about_me))["reply"]["receipt"]["facts"] == []
