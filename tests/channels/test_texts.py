import pytest
from hypothesis import given
from hypothesis import strategies as st

from recuerda.channels.incoming import cut
from recuerda.channels.texts import ASK_FOR_TEXT, plain, split


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_markdown_becomes_plain() -> None:
    text = "Mira **la política** en [Devoluciones](/help/x) o [aquí](https://a.example/b)."
    assert plain(text, "sms") == "Mira la política en Devoluciones o aquí (https://a.example/b)."
    assert plain(text, "whatsapp", "https://c.example/") == (
        "Mira *la política* en Devoluciones (https://c.example/help/x) o aquí (https://a.example/b)."
    )


def test_short_text_stays_whole() -> None:
    assert split("  Hola  ") == ["Hola"]
    assert split("   ") == []
    assert all(len(split(text)) == 1 for text in ASK_FOR_TEXT.values())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("uno dos tres.\n\ncuatro cinco", ["uno dos tres.", "cuatro cinco"]),
        ("uno dos tres\ncuatro cinco", ["uno dos tres", "cuatro cinco"]),
        ("Uno dos tres. Cuatro cin", ["Uno dos tres.", "Cuatro cin"]),
        ("uno dos tres cuatro cinco", ["uno dos tres cuatro", "cinco"]),
        ("x" * 45, ["x" * 20, "x" * 20, "x" * 5]),
    ],
)
def test_parts_are_cut_at_the_best_place(text: str, parts: list[str]) -> None:
    assert split(text, 20) == parts


def test_emoji_are_counted_as_twilio_counts_and_stay_whole() -> None:
    family = "👩\u200d👩\u200d👧"
    parts = split(family * 10, 20)
    assert all(units(part) <= 20 for part in parts)
    assert all(part.startswith("👩") and part.endswith("👧") for part in parts)


@given(st.text(), st.integers(2, 50))
def test_no_word_is_lost_and_no_part_is_too_long(text: str, most: int) -> None:
    parts = split(text, most)
    assert all(part and units(part) <= most for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(st.text(), st.integers(1, 50))
def test_cut_keeps_within_the_bound(text: str, most: int) -> None:
    kept = cut(text, most)
    assert len(kept) <= most
    assert kept == text if len(text) <= most else text.startswith(kept.split("…")[0][:1])
