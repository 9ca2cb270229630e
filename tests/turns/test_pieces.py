"""Two questions in one message are two; a statement is not cut."""

import pytest

from recuerda.turns.embedded.pieces import asks, pieces


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("horarios y hacen envíos a Cali?", ["horarios", "hacen envíos a Cali?"]),
        (
            "quando chega o Ceiba e dá pra mudar o endereço?",
            ["quando chega o Ceiba", "dá pra mudar o endereço?"],
        ),
        (
            "return my last order and also do you have gift cards?",
            ["return my last order", "also do you have gift cards?"],
        ),
        ("Hola. Calzo 42 ¿tienen la Garúa?", ["Hola.", "Calzo 42", "¿tienen la Garúa?"]),
        ("corro en asfalto y cuando llueve se mojan", ["corro en asfalto y cuando llueve se mojan"]),
        ("I run on roads and trails", ["I run on roads and trails"]),
        ("yo uso 27 de México, qué talla es", ["yo uso 27 de México, qué talla es"]),
    ],
)
def test_a_message_is_cut_where_another_thing_is_asked(message: str, parts: list[str]) -> None:
    assert pieces(message) == parts


@pytest.mark.parametrize("plain", ["puedo devolver", "vcs entregam em recife", "me duele que hago"])
def test_questions_need_no_mark(plain: str) -> None:
    assert asks(plain)


@pytest.mark.parametrize("plain", ["calzo 42", "quiero devolver las ultimas", "my shoes arrived broken"])
def test_statements_ask_nothing(plain: str) -> None:
    assert not asks(plain)
