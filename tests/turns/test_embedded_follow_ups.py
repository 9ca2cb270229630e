"""Messages that go on from what was just said, ask two things, or are mistyped."""

from typing import Any

from tests.turns.embedded_shop import reply_shop

_RETURN = "Noted: that the pair is going back. Is this about order 45418 (Ribera size 45)?"
_ORDER = {
    "id": "mem_1",
    "kind": "order",
    "text": "Order 45418",
    "at": "2026-05-18T10:00:00+00:00",
    "data": {"order": "45418", "status": "delivered", "items": [{"product": "ribera", "size": "45"}]},
}


def _case(lang: str, message: str, *said: tuple[str, str], **given: Any) -> dict[str, Any]:
    transcript = [{"author": author, "text": text} for author, text in said]
    return {"lang": lang, "message": message, "transcript": transcript, "facts": [], "orders": []} | given


async def test_a_cheaper_one_keeps_what_was_asked_for() -> None:
    async with reply_shop() as shop:
        asked = ("customer", "trail shoes please")
        ours = ("assistant", "I'd go for the Altiplano: it's made for trails. It's $155.")
        cheaper = await shop.reply(_case("en", "a cheaper one?", asked, ours, locale="en-US"))
        assert "Trocha" in cheaper.text
        assert "trail" in cheaper.text
        ours = ("assistant", "I'd go for the Trocha: it's made for trails. It's $118.")
        none = await shop.reply(_case("en", "a cheaper one?", asked, ours, locale="en-US"))
        assert "Trocha" in none.text
        assert "$118" in none.text
        assert none.used.knowledge == ["trocha:en"]


async def test_yes_and_no_to_which_order_go_on_with_it() -> None:
    async with reply_shop() as shop:
        ours = ("assistant", _RETURN)
        yes = await shop.reply(_case("en", "yes", ours, orders=[_ORDER]))
        assert "45418" in yes.text
        assert yes.used.intent == "answer"  # asks before it brings in a person
        assert yes.used.memories == ["mem_1"]
        no = await shop.reply(_case("en", "no", ours, orders=[_ORDER]))
        assert "45418" not in no.text
        assert "?" in no.text


async def test_two_questions_get_two_answers_and_typos_one() -> None:
    async with reply_shop() as shop:
        both = await shop.reply(_case("es", "aceptan nequi y hacen envíos a Cusco?", locale="es-CO"))
        assert "Nequi" in both.text
        assert "S/ 12" in both.text
        typed = await shop.reply(_case("en", "whats ur retrun polcy", locale="en-US"))
        assert "30 calendar days" in typed.text
        asked = await shop.reply(_case("es", "puedo devolver unas zapatillas", locale="es-CO"))
        assert "Anotad" not in asked.text  # a question without its mark is no statement
