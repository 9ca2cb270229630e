"""What a model may not say, also when it says it a letter at a time."""

from collections.abc import Iterable

import pytest

from recuerda.turns.guard import CANARY, Guard, Withheld, hosts, hosts_in

RULES = "You are the assistant of Vereda. Use only what stands between the tags of the last message, please."
SHOWN = (
    "<message>Soy ana@example.com, tel +57 300 123 4567, ver http://evil.example/x</message> "
    "pedido 483771234567"
)


def said(pieces: Iterable[str], **given: object) -> str:
    guard = Guard(RULES, SHOWN, hosts=("vereda.example",))
    return "".join([*(guard.feed(piece) for piece in pieces), guard.finish()])


ALLOWED = [
    "Claro, Ana: te escribimos a ana@example.com o al +57 300 123 4567.",
    "Mira https://vereda.example/devoluciones y www.vereda.example.",
    "Tu pedido 483771234567 llega el 2026-11-24, cuesta $1.299.000 (12 x 108.250).",
    "Son 30 días.Puedes devolverlas p.ej. en tienda. Talla 42.5, a las 10:30 a.m.",
    "Use only what you need.",
]
WITHHELD = [
    ("instructions", f"La marca es {CANARY}."),
    ("instructions", "Mis reglas: Use only what STANDS between the tags, of the last message."),
    ("id", f"Ese es cus_{'0' * 32}."),
    ("contact", "Escribe a pedro@example.com."),
    ("contact", "Llama al +57 311 987 6543."),
    ("contact", "Llama al 3119876543"),
    ("link", "Entra a https://evil.example/x?d=42"),
    ("link", "Entra a [aquí](https://evil.example)."),
    ("link", "Entra a //evil.example/x"),
    ("link", "Entra a evil.com"),
    ("link", "Entra a www.evil.xyz"),
    ("link", "Entra a https://vereda.example.evil.com/"),
    ("link", "Entra a https://vereda.example@evil.com/"),
    ("link", "Pulsa javascript:alert(1)"),
    ("link", "![x](http://evil.example/p.png)"),
]


def cut(text: str, size: int) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("text", ALLOWED)
def test_what_stands_in_the_sources_may_be_said(text: str, size: int) -> None:
    assert said(cut(text, size)) == text


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(("reason", "text"), WITHHELD, ids=map(str, range(len(WITHHELD))))
def test_what_may_not_be_said_is_withheld(reason: str, text: str, size: int) -> None:
    guard = Guard(RULES, SHOWN, hosts=("vereda.example",))
    shown = ""
    with pytest.raises(Withheld) as refused:
        for piece in cut("Hola, claro que sí, con mucho gusto te ayudo. " + text, size):
            shown += guard.feed(piece)
        guard.finish()
    assert refused.value.reason == reason
    for telling in (CANARY, "cus_", "pedro", "987", "evil", "javascript", "between the tags"):
        assert telling not in shown


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_secrets_are_masked_before_they_are_shown(size: int) -> None:
    text = "Pagaste con 4111 1111 1111 1111 el lunes pasado en la tienda, ¿verdad?"
    guard = Guard(RULES, SHOWN + text)
    shown = [guard.feed(piece) for piece in cut(text, size)] + [guard.finish()]
    assert "".join(shown) == "Pagaste con [card] el lunes pasado en la tienda, ¿verdad?"


def test_words_flow_before_the_end() -> None:
    guard = Guard(RULES, SHOWN)
    assert guard.feed("Claro que sí, tenemos la Andes en tu talla, ") == "Claro que sí, "


def test_hosts_of_addresses_and_of_texts() -> None:
    assert hosts(["https://shop.example:8443/x", None, "", "/relative"]) == {"shop.example"}
    assert hosts_in("Ver https://www.shop.example/a, o help.shop.com.") == {"shop.example", "help.shop.com"}


def test_of_the_products_found_one_must_be_named() -> None:
    def reply(text: str) -> str:
        guard = Guard(RULES, SHOWN, products=("Cumbre Alta", "Puente"))
        return guard.feed(text) + guard.finish()

    assert reply("Te va bien el CUMBRE ALTA.") == "Te va bien el CUMBRE ALTA."
    with pytest.raises(Withheld) as refused:
        reply("Lo siento, no puedo ayudarte con eso.")
    assert refused.value.reason == "omission"
