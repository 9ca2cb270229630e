"""The pieces a message is cut into: nothing lost, nothing added, the right words marked."""

from hypothesis import given
from hypothesis import strategies as st

from recuerda.console.marking import excerpt, pieces
from recuerda.console.texts import texts
from recuerda.language import LANGUAGES
from recuerda.privacy.owned import owned_tables
from tests.conftest import Shop

spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda p: (p[0], p[0] + p[1])), max_size=4
)


@given(st.text(max_size=60), spans, spans)
def test_the_pieces_are_the_text(
    text: str, marks: list[tuple[int, int]], hidden: list[tuple[int, int]]
) -> None:
    found = pieces(text, marks, hidden)
    assert "".join(p.text for p in found) == text
    at = 0
    for piece in found:
        for i in range(at, at + len(piece.text)):
            assert piece.marked == any(s <= i < min(e, len(text)) for s, e in marks)
            assert piece.hidden == any(s <= i < min(e, len(text)) for s, e in hidden)
        at += len(piece.text)


@given(st.text(alphabet="ab ñ👟", min_size=1, max_size=400), st.data())
def test_an_excerpt_holds_the_quote(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    found = excerpt(text, (start, end))
    assert "".join(p.text for p in found if p.marked) == text[start:end]
    assert "".join(p.text for p in found).strip("… ") in text.strip() or "…" in text


def test_the_three_languages_say_the_same_things() -> None:
    keys = {language: set(texts(language)) for language in LANGUAGES}
    assert keys["en"] == keys["es"] == keys["pt"]
    for key in keys["en"]:
        blanks = {str(texts(language)[key]).count("{") for language in LANGUAGES}
        assert len(blanks) == 1, key


async def test_every_table_and_kind_of_work_has_a_name(shop: Shop) -> None:
    named = texts("en")
    for table in ("customer", *(table.name for table in owned_tables())):
        assert f"erasure.rows.{table}" in named
    for kind in (*shop.recuerda.worker._handlers, *shop.recuerda.worker._together):
        assert f"kind.{kind}" in named
