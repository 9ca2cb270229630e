"""`recuerda import`: every good line in, every bad line named, twice the same as once."""

import json
from pathlib import Path

import pytest

from recuerda import customers
from recuerda.db import Session
from recuerda.errors import BadInput
from recuerda.memory import Memories
from recuerda.memory.importing import Importer
from recuerda.settings import Settings
from tests.memory.stores import Words, database

ANA = {"email": "ana@example.com"}


def line(**fields: object) -> str:
    given = {"customer": ANA, "kind": "order", "id": "o-1", "text": "two pairs", "at": "2026-01-02T10:00:00Z"}
    return json.dumps({**given, **fields})


@pytest.fixture
async def importer(tmp_path: Path):  # type: ignore[no-untyped-def]
    settings = Settings(data_dir=tmp_path)
    db = await database(settings)
    jobs: list[list[str]] = []

    async def enqueue(session: Session, customer_id: str, ids: list[str]) -> None:
        jobs.append(ids)

    made = Importer(db, Memories(db, Words(), settings), customers.resolve, enqueue)
    made.jobs = jobs  # type: ignore[attr-defined]
    yield made
    await db.close()


async def test_lines_come_in_once_and_bad_ones_are_named(importer: Importer, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text(
        "\n".join(
            [
                line(),
                "{not json",
                line(customer={}),
                line(id="o-2", at="yesterday"),
                "",
                line(id="o-3", text=""),
                line(id="o-4", customer={"email": "no address"}),
                line(id="o-5", customer={"external_id": "bruno"}, data={"total": 3}),
            ]
        )
    )
    steps: list[tuple[int, int]] = []
    report = await importer.run(file, lambda done, total: steps.append((done, total)))
    assert (report.imported, report.unchanged) == (2, 0)
    assert [number for number, _ in report.bad] == [2, 3, 4, 6, 7]
    assert report.bad[0][1] == "it is not JSON"
    assert "2026-11-22T10:00:00Z" in report.bad[2][1]
    assert steps[-1] == (7, 7)
    again = await importer.run(file)
    assert (again.imported, again.unchanged) == (0, 2)
    assert len(importer.jobs) == 2  # type: ignore[attr-defined]


async def test_a_changed_line_is_written_anew(importer: Importer, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text(line())
    await importer.run(file)
    file.write_text(line(text="three pairs"))
    assert (await importer.run(file)).imported == 1


async def test_csv(importer: Importer, tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    file.write_text(
        "email,kind,id,text,at,total\n"
        "ana@example.com,order,o-1,two pairs,2026-01-02,99\n"
        ",order,o-2,lost,2026-01-02,\n"
    )
    report = await importer.run(file)
    assert report.imported == 1
    assert [number for number, _ in report.bad] == [3]
    file.write_text("email,text\nana@example.com,hello\n")
    with pytest.raises(BadInput, match="at, id, kind"):
        await importer.run(file)
