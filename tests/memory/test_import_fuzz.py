"""Files of any kind for `import` and `ingest`: nothing crashes, and what is bad is named and said why."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recuerda import customers
from recuerda.db import Session
from recuerda.errors import BadInput
from recuerda.memory import Memories
from recuerda.memory.importing import Importer, Report
from recuerda.memory.loaders import load_all
from recuerda.settings import Settings
from tests.memory.stores import Words, database

_quick = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
_odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["\x00", "\ud800", "2026-01-02", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)
_names = ["customer", "kind", "id", "text", "at", "language", "speaker", "channel", "data"]
_good = {
    "customer": {"email": "ana@example.com"},
    "kind": "order",
    "id": "o-1",
    "text": "two",
    "at": "2026-01-02",
}
_line = st.one_of(
    st.text(max_size=30).map(lambda text: text.replace("\r", " ").replace("\n", " ")),
    st.dictionaries(st.sampled_from(_names), _odd, max_size=3).map(lambda odd: json.dumps({**_good, **odd})),
    st.just("[" * 100_000),
    st.just("9" * 5000),
)


@pytest.fixture
async def importer(tmp_path: Path) -> AsyncIterator[Importer]:
    given = Settings(data_dir=tmp_path)
    db = await database(given)

    async def enqueue(session: Session, customer_id: str, ids: list[str]) -> None: ...

    yield Importer(db, Memories(db, Words(), given), customers.resolve, enqueue)
    await db.close()


def explained(report: Report) -> bool:
    return all(number > 0 and len(why) > 5 for number, why in report.bad)


@_quick
@given(lines=st.lists(_line, max_size=6))
async def test_lines_of_any_kind(importer: Importer, tmp_path: Path, lines: list[str]) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("\n".join([*lines, json.dumps(_good)]), "utf-8", "replace")
    report = await importer.run(file)
    assert explained(report)
    assert report.imported + report.unchanged >= 1  # the good line at the end
    written = [line for line in file.read_text("utf-8").split("\n") if line.strip()]
    assert report.imported + report.unchanged + len(report.bad) == len(written)


@_quick
@given(data=st.binary(max_size=300), suffix=st.sampled_from([".jsonl", ".csv"]), head=st.booleans())
async def test_bytes_of_any_kind_to_import(
    importer: Importer, tmp_path: Path, data: bytes, suffix: str, head: bool
) -> None:
    file = tmp_path / f"x{suffix}"
    file.write_bytes(b"email,kind,id,text,at\n" * head + data)
    try:
        report = await importer.run(file)
    except BadInput as error:
        report = Report(bad=[(1, error.detail)])
    assert explained(report)


_SUFFIXES = [".md", ".html", ".csv", ".json", ".pdf"]


@_quick
@given(
    data=st.one_of(
        st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
    ),
    suffix=st.sampled_from(_SUFFIXES),
)
def test_bytes_of_any_kind_to_ingest(tmp_path: Path, data: bytes, suffix: str) -> None:
    file = tmp_path / f"x{suffix}"
    for start in (b"", b"---\n", b"%PDF-1.4\n", b"id,title\n", b"["):
        file.write_bytes(start + data)
        documents, bad = load_all(file, "en")
        assert all(file.name in error.detail for error in bad)
        assert documents or bad or suffix in (".csv", ".json")  # those may hold no record
