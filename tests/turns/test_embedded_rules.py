"""What the embedded engine keeps to, one rule a test."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from recuerda.language import LANGUAGES, Language
from recuerda.turns import Context, Used
from recuerda.turns.embedded.articles import sentences
from recuerda.turns.embedded.speech import Speech, currency_of
from recuerda.turns.embedded.vocabulary import vocabulary
from tests.turns.embedded_shop import NOW, ReplyShop, engine, reply_shop

WHICH = {
    "en": "which shoe should I buy?",
    "es": "¿qué zapatilla me recomiendas?",
    "pt": "qual tênis você recomenda?",
}


@pytest.fixture
async def shop() -> AsyncIterator[ReplyShop]:
    async with reply_shop() as open_shop:
        yield open_shop


def fact(id: str, category: str, attribute: str, value: str, quote: str, **more: Any) -> dict[str, Any]:
    said_at = "2026-11-12T15:00:00+00:00"
    return {
        "id": id,
        "category": category,
        "attribute": attribute,
        "value": value,
        "statement": quote,
        "quote": quote,
        "said_at": said_at,
    } | more


def case(language: str, message: str, *facts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"lang": language, "message": message, "facts": list(facts), "orders": []} | more


def context(message: str, language: Language, **given: Any) -> Context:
    names = ("transcript", "facts", "heard", "memories", "orders", "knowledge", "products")
    empty: dict[str, Any] = dict.fromkeys(names, ())
    return Context(
        brand="Vereda", message=message, language=language, now=NOW, customer_name=None, **empty | given
    )


async def test_the_reply_comes_in_words_that_join_to_the_whole() -> None:
    asked = context("¿en qué me puedes ayudar?", "es")
    pieces = [piece async for piece in engine().reply(asked, Used())]
    assert len(pieces) > 10
    assert "".join(pieces) == engine().compose(asked, Used())
    assert max(len(piece.split()) for piece in pieces) == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_same_message_gets_the_same_reply(language: Language) -> None:
    asked = context(WHICH[language], language)
    assert engine().compose(asked, Used()) == engine().compose(asked, Used())


@pytest.mark.parametrize("message", ["", "?", "👍", "a" * 8000, "lo siento " * 500, "{0} {name} %s"])
def test_odd_messages_get_a_reply_that_does_not_echo_them(message: str) -> None:
    text = engine().compose(context(message, "es"), Used())
    assert 0 < len(text) < 400
    assert "{" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_known_and_nothing_loaded_still_answers(language: Language) -> None:
    used = Used()
    text = engine().compose(context(WHICH[language], language), used)
    assert Speech(language, "", NOW).said("offer_person", text)
    assert (used.facts, used.memories, used.knowledge) == ([], [], [])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_product_that_declares_another_size_or_arch_is_out(shop: ReplyShop, language: str) -> None:
    known = [
        fact("arch", "fit", "arch_type", "high", "arch"),
        fact("size", "fit", "shoe_size", "47", "size"),
    ]
    answered = await shop.reply(case(language, WHICH[language], *known))
    assert "Cumbre Alta Ancha" in answered.text  # the only one for high arches up to 47
    assert set(answered.used.facts) == {"arch", "size"}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_awaits_consent_decides_nothing(shop: ReplyShop, language: str) -> None:
    waiting = fact("arch", "fit", "arch_type", "high", "arch", proposed=True)
    answered = await shop.reply(case(language, WHICH[language], waiting))
    assert answered.used.facts == []


async def test_the_price_is_in_the_money_of_the_customers_country(shop: ReplyShop) -> None:
    asked = "¿cuánto cuesta la Cumbre Alta?"
    prices = {"es-CO": "COP 459.000", "es-MX": "MXN 2,099", "es-PE": "S/ 429", "es-AR": "ARS 163.999"}
    for locale, price in prices.items():
        assert price in (await shop.reply(case("es", asked, locale=locale))).text
    assert "459" not in (await shop.reply(case("es", asked))).text  # no country, no price


async def test_a_passage_in_another_language_is_quoted_and_said_to_be(shop: ReplyShop) -> None:
    english = await shop.context(case("en", "can I wash them in the washing machine?"))
    articles = [hit for hit in english.knowledge if hit.document_id == "shoe-care"]
    used = Used()
    asked = context("¿las puedo lavar en la lavadora?", "es", knowledge=articles)
    text = engine().compose(asked, used)
    assert used.knowledge == ["shoe-care"]
    assert "inglés" in text


async def test_long_memories_are_cut(shop: ReplyShop) -> None:
    many = [fact(f"f{n}", "preference", "brand", f"b{n}", f"me gusta la marca b{n}") for n in range(30)]
    answered = await shop.reply(case("es", "¿qué sabes de mí?", *many))
    assert len(answered.used.facts) == 14
    assert "Hay más" in answered.text


async def test_an_edited_fact_is_shown_as_edited(shop: ReplyShop) -> None:
    edited = fact("arch", "fit", "arch_type", "high", "mi arco alto", statement="Tiene el arco muy alto")
    answered = await shop.reply(case("es", "¿qué sabes de mí?", edited))
    assert "Tiene el arco muy alto" in answered.text


def test_sentences_come_whole_and_without_markdown() -> None:
    text = "## Precio\nCuesta **USD 9.50** y es [gratis](/x) desde USD 120. ¿Dudas? Escribe.\n\n- Uno\n- Dos"
    assert sentences(text) == [
        "Cuesta USD 9.50 y es gratis desde USD 120.",
        "¿Dudas?",
        "Escribe.",
        "Uno",
        "Dos",
    ]


def test_dates_lists_and_money_are_written_by_language() -> None:
    day, before = datetime(2026, 11, 1, tzinfo=UTC), datetime(2025, 3, 12, tzinfo=UTC)
    es, en, pt = (Speech(language, "", NOW) for language in ("es", "en", "pt"))
    assert [s.date(day) for s in (es, en, pt)] == ["1 de noviembre", "November 1", "1º de novembro"]
    assert [s.date(before) for s in (es, en)] == ["12 de marzo de 2025", "March 12, 2025"]
    assert es.join(["uno", "ideas"]) == "uno e ideas"
    assert en.join(["a", "b", "c"]) == "a, b, and c"
    assert [pt.money(639.9, "BRL"), en.money(109, "USD"), es.money(2099, "MXN")] == [
        "R$ 639,90",
        "$109",
        "MXN 2,099",
    ]
    assert (currency_of("es-CO"), currency_of("es"), currency_of(None)) == ("COP", None, None)


def test_the_languages_say_the_same_things() -> None:
    kept = {language: vocabulary(language) for language in LANGUAGES}
    assert len({frozenset(v.attributes) for v in kept.values()}) == 1
    assert len({frozenset(v.kinds) for v in kept.values()}) == 1
    assert len({frozenset(v.cues) for v in kept.values()}) == 1
    for name, attribute in kept["es"].attributes.items():
        assert {frozenset(v.attributes[name].values) for v in kept.values()} == {frozenset(attribute.values)}


SUGGESTED = {
    "en": (
        "I'd suggest the Cumbre Alta: it's made for high arches.",
        "how much is it?",
        "are they waterproof?",
    ),
    "es": ("Te sugiero la Cumbre Alta: es para arco alto.", "¿cuánto cuesta?", "¿son impermeables?"),
    "pt": ("Sugiro o Cumbre Alta: serve para arco alto.", "quanto custa?", "são impermeáveis?"),
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_short_question_is_about_the_product_just_suggested(
    shop: ReplyShop, language: Language
) -> None:
    suggestion, price, waterproof = SUGGESTED[language]
    said = [{"author": "customer", "text": WHICH[language]}, {"author": "assistant", "text": suggestion}]
    places = {"en": "en-US", "es": "es-CO", "pt": "pt-BR"}
    told = await shop.reply(case(language, price, transcript=said, locale=places[language]))
    amount = {"en": "$109", "es": "COP 459.000", "pt": "R$ 639,90"}[language]
    assert amount in told.text
    assert "Cumbre Alta" in told.text
    told = await shop.reply(case(language, waterproof, transcript=said))
    assert told.used.knowledge == [f"cumbre-alta:{language}"]
    assert Speech(language, "", NOW).say("not_declared") in told.text  # nothing says so: no "yes"
    shipping = {
        "en": "how much is shipping?",
        "es": "¿cuánto cuesta el envío?",
        "pt": "quanto custa o frete?",
    }
    told = await shop.reply(case(language, shipping[language], transcript=said))
    assert "Cumbre Alta" not in told.text


@pytest.mark.parametrize(
    ("language", "size", "said_back"),
    [("es", "uso 43", "talla 43"), ("en", "I wear a 43", "size 43"), ("pt", "calço 43", "número 43")],
)
async def test_what_is_told_off_the_record_counts_while_it_lasts(
    shop: ReplyShop, language: Language, size: str, said_back: str
) -> None:
    told = [{"author": "customer", "text": size}]
    known = fact("f1", "fit", "shoe_size", "41", "41")
    answered = await shop.reply(case(language, WHICH[language], known, transcript=told, remembers=False))
    assert said_back in answered.text
    assert "f1" not in answered.used.facts


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("es", "¿la Cumbre Alta me sirve?"),
        ("en", "is the Cumbre Alta right for me?"),
        ("es", "busco una zapatilla de montaña para pronador"),
        ("en", "I'm after a waterproof trail shoe for wide feet"),
    ],
)
async def test_what_is_not_known_to_be_vegan_is_not_said_to_be(
    shop: ReplyShop, language: Language, message: str
) -> None:
    """It clashes with what a vegan needs without being declared to be made of anything else."""
    vegan = fact("f1", "preference", "diet", "vegan", "vegan")
    answered = await shop.reply(case(language, message, vegan))
    assert answered.text
    assert not re.search(r"cumbre alta[^.]*vegan", answered.text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("es", "¿y cuánto cuesta?"),
        ("pt", "e quanto custa?"),
        ("pt", "é impermeável?"),
        ("en", "and how much is it?"),
    ],
)
async def test_a_short_question_is_about_what_was_just_recommended(
    shop: ReplyShop, language: Language, message: str
) -> None:
    told = [
        {
            "author": "assistant",
            "text": {"es": "Te sugiero Cumbre Alta.", "pt": "Sugiro o Cumbre Alta."}.get(
                language, "I'd suggest the Cumbre Alta."
            ),
        }
    ]
    answered = await shop.reply(case(language, message, transcript=told))
    assert "/shop/products/cumbre-alta" in answered.text
    assert answered.text.count("/shop/products/") == 1


@pytest.mark.parametrize(
    ("language", "message", "never"),
    [
        ("pt", "qual é a política de troca?", "não consigo ajudar"),
        ("en", "can i change the address?", "forget"),
    ],
)
async def test_what_sounds_like_something_else(
    shop: ReplyShop, language: Language, message: str, never: str
) -> None:
    known = fact("f1", "fit", "shoe_size", "43", "I wear 43")
    answered = await shop.reply(case(language, message, known))
    assert never not in answered.text
    assert answered.used.intent == "answer"


@pytest.mark.parametrize(
    ("language", "message", "asked"),
    [
        ("en", "where is order 1234?", "Check the number"),
        ("es", "¿dónde está el pedido 1234?", "Revisa el número"),
        ("pt", "onde está o pedido 1234?", "Confira o número"),
    ],
)
async def test_an_order_unknown_by_its_number_is_not_asked_for_its_number(
    shop: ReplyShop, language: Language, message: str, asked: str
) -> None:
    answered = await shop.reply(case(language, message))
    assert "1234" in answered.text
    assert asked in answered.text
