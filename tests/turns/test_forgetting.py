"""Forgetting by the customer's own words, in three languages."""

import pytest

from tests.conftest import Shop
from tests.turns.test_memory_switch import said

NAMED = [
    ("en-US", "I have bunions", "forget the bunions"),
    ("es-MX", "tengo juanetes", "olvida los juanetes"),
    ("pt-BR", "calço 43 e tenho joanete", "esquece o joanete"),
    ("en-US", "my dog is called Toby", "forget about Toby"),
    ("es-MX", "tengo un perro que se llama Toby", "olvida a Toby"),
    ("pt-BR", "tenho um cachorro que se chama Toby", "esquece do Toby"),
]
JUST_TOLD = [
    ("en-US", "I hate bright colours", "actually, don't remember that"),
    ("es-AR", "calzo 44", "no, mejor no recuerdes eso"),
    ("es-AR", "no me gustan los colores chillones", "no lo guardes"),
    ("pt-BR", "prefiro tênis preto", "não lembra disso"),
]


@pytest.mark.parametrize(("locale", "told", "forget"), [*NAMED, *JUST_TOLD])
async def test_what_was_told_is_forgotten_by_its_words_and_by_that(
    shop: Shop, locale: str, told: str, forget: str
) -> None:
    conversation = await shop.open("worded", locale)
    await said(shop, conversation, "I live in Austin" if locale == "en-US" else "Vivo en Puebla")
    await said(shop, conversation, told)
    await said(shop, conversation, forget)
    facts = await shop.facts(await shop.customer_of(conversation))
    quotes = {quote: fact["status"] for fact in facts for quote in [fact["evidence"][0]["quote"]]}
    about = forget.split()[-1] if (locale, told, forget) in NAMED else told
    assert [status for quote, status in quotes.items() if about.lower() in quote.lower()] == ["forgotten"]
    assert sorted(quotes.values()).count("forgotten") == 1


@pytest.mark.parametrize(
    ("locale", "forget"),
    [("en-US", "forget the parking ticket"), ("es-MX", "olvida los pasajes"), ("pt-BR", "esquece o jantar")],
)
async def test_what_no_fact_speaks_of_forgets_none(shop: Shop, locale: str, forget: str) -> None:
    conversation = await shop.open("nothing", locale)
    await said(shop, conversation, "I live in Austin" if locale == "en-US" else "Vivo en Puebla")
    reply = await said(shop, conversation, forget)
    assert not reply["receipt"].get("forgot")
    assert {f["status"] for f in await shop.facts(await shop.customer_of(conversation))} == {"active"}
