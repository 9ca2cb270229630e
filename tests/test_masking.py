"""Secrets are found; the numbers of everyday trade are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recuerda.masking import mask, spans

SECRETS = [
    ("my card is 4111 1111 1111 1111 exp 04/29", "my card is [card] exp 04/29"),
    ("card 4929-1234-5678-9012, cvv 118", "card [card], cvv [code]"),
    ("tarjeta 5241 8100 3377 0926", "tarjeta [card]"),
    ("My password is Trombone_1988 and it fails", "My password is [password] and it fails"),
    (
        "Change my password to Plum!4402 please, the current one is Fig_7781x",
        "Change my password to [password] please, the current one is [password]",
    ),
    ("contraseña: Kumbia#88.", "contraseña: [password]."),
    ("a senha é violao1997 q nao ta indo", "a senha é [password] q nao ta indo"),
    ("password: kitten", "password: [password]"),
    ("El código de verificación es 482913", "El código de verificación es [code]"),
    ("Me llegó el código 883 214, es de ustedes?", "Me llegó el código [code], es de ustedes?"),
    ("o token é 55-09-31", "o token é [code]"),
    ("My locker PIN is 3307 and it's jammed", "My locker PIN is [code] and it's jammed"),
    ("gate code 1945#", "gate code [code]"),
    ("meu CPF é 318.554.920-07", "meu CPF é [id]"),
    ("cpf 52998224725", "cpf [id]"),
    ("52998224725", "[id]"),
    ("Mi RUT es 14.337.902-K", "Mi RUT es [id]"),
    ("DNI 45880123", "DNI [id]"),
    ("mi dni es 12345678Z", "mi dni es [id]"),
    ("la CURP es SAGL840917HDFRRS05", "la CURP es [id]"),
    ("Mi cédula es 52.884.107", "Mi cédula es [id]"),
    ("ssn 219-09-9999", "ssn [id]"),
    ("passport no 533401672 issued in 2018", "passport no [id] issued in 2018"),
    ("IBAN ES91 2100 0418 4502 0005 1332", "IBAN [account]"),
]
PLAIN = [
    "my order is 48213",
    "pedido TB-5531, llegó roto",
    "order 113542617735902",
    "call me on +57 310 555 0134",
    "meu telefone é 11 98877-1203",
    "moro no CEP 04538-133",
    "código postal 11000",
    "use the discount code 2024",
    "el código del producto es 88231",
    "my password is wrong",
    "la contraseña no funciona desde el 12/05/2025",
    "I forgot my password for order 99812",
    "cuesta 1.299.000 pesos",
    "talla 42, compré 3 pares por 120000",
    "I weigh 80 kg and run 30 km",
    "minha senha não funciona",
]


@pytest.mark.parametrize(("text", "masked"), SECRETS)
def test_secrets_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize("text", PLAIN)
def test_everyday_numbers_are_not(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("before", "text", "kind"),
    [
        ("PIN for the transfer?", "8841", "code"),
        ("¿Qué código le llegó por SMS?", "si ya, es 559201", "code"),
        ("como reseteo la clave?", "listo, puse Gatito2024 y ya entró", "password"),
        ("Qual o seu CPF?", "318 554", "id"),
    ],
)
def test_a_bare_answer_is_read_with_its_question(before: str, text: str, kind: str) -> None:
    assert [k for _, _, k in spans(text, before)] == [kind]
    assert not spans(text)


def test_an_order_number_answering_its_question_is_not_a_secret() -> None:
    assert mask("48213", "What is your order code?") == "48213"


@given(st.text(max_size=200), st.text(max_size=60))
def test_spans_are_ordered_apart_and_inside(text: str, before: str) -> None:
    last = 0
    for start, end, _ in spans(text, before):
        assert last <= start < end <= len(text)
        last = end


@pytest.mark.parametrize(
    "key",
    [
        "sk-" + "proj-AbC9dEf0GhIjKlMnOpQrStUv12",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
        "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    ],
)
def test_keys_of_other_services_are_masked(key: str) -> None:
    assert key not in mask(f"my key is {key}, does it work?")
