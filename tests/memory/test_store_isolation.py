"""No path gives a customer another's memory; an erased customer leaves no byte."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from recuerda.embeddings import to_bytes
from recuerda.memory import cache
from recuerda.models import Customer, Memory
from tests.memory.stores import Words, customer, memories, remember, said

HOSTILE = [
    "a",
    "a|turn",
    "a' OR '1'='1",
    '{"$ne": ""}',
    "%",
    "*",
    "a%",
    "A",
    "á",
    "a\u0301",
    "a ",
    "../a",
    "mem-0016-0000",
    "$and",
    "a\n",
    "\u202ea",
]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    extra=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)),
    queries=st.lists(st.text(max_size=40), min_size=1, max_size=5),
    kinds=st.none() | st.lists(st.sampled_from(["turn", "note", "a' OR 1", ""])),
    held=st.sampled_from([2, 5000]),
)
def test_nobody_gets_another_customers_memory(
    tmp_path_factory: pytest.TempPathFactory,
    extra: list[str],
    queries: list[str],
    kinds: list[str] | None,
    held: int,
) -> None:
    people = sorted({*HOSTILE, *(text for text in extra if text)})

    async def go(folder: Path) -> None:
        async with memories(folder) as (service, db):
            for number, person in enumerate(people):
                await customer(db, person)
                # The same words for everybody, and the owner's number to tell them apart.
                await remember(
                    service, db, person, [said(n, f"my secret word is {number}") for n in range(4)]
                )

            async def ask(number: int, query: str) -> None:
                own = {f"my secret word is {number}"}
                for said_kinds in (None, kinds):
                    hits = await service.recall(people[number], query, floor=0.0, limit=100, kinds=said_kinds)
                    assert {hit.text for hit in hits} <= own
                    if said_kinds is None and query.startswith("my secret"):
                        assert len(hits) == 4

            asked = [*queries, "my secret word is 1", "* OR customer"]
            await asyncio.gather(*(ask(n, query) for n in range(len(people)) for query in asked))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "HELD", held)
        asyncio.run(go(tmp_path_factory.mktemp("isolation")))


CANARY = "zorzal-quetzal-canary"


async def test_an_erased_customer_leaves_no_byte(tmp_path: Path) -> None:
    words = f"my parrot is called {CANARY} indeed"
    async with memories(tmp_path) as (service, db):
        for person in ("ana-to-erase", "bruno"):
            await customer(db, person)
            items = [said(n, f"{words if person != 'bruno' else 'bruno'} number {n}") for n in range(1200)]
            ids = await remember(service, db, person, items)
            if person == "ana-to-erase":
                gone = ids
        async with db.read() as session:
            query = select(Memory.embedding).where(Memory.customer_id == "ana-to-erase")
            vectors = (await session.exec(query)).all()
        needles = [CANARY.encode(), b"ana-to-erase", *(id.encode() for id in gone)]
        needles += vectors[:50]
        assert all(
            _files_with(tmp_path, needle) for needle in (needles[0], needles[1], needles[3], needles[-1])
        )

        async with db.write() as session:
            await session.exec(sa.delete(Memory).where(col(Memory.customer_id) == "ana-to-erase"))
            await session.exec(sa.delete(Customer).where(col(Customer.id) == "ana-to-erase"))
        counts = await service.forget("ana-to-erase")
        await db.scrub()
        assert counts["rebuilt"] == 1
        for needle in needles:
            assert not _files_with(tmp_path, needle), needle
        assert await service.recall("ana-to-erase", words, floor=0.0) == []
        assert len(await service.recall("bruno", "bruno number 7", floor=0.0, limit=50)) == 50
        assert (await service.status())["indexed"] == 1200
    for needle in needles:
        assert not _files_with(tmp_path, needle), "after closing"


def _files_with(folder: Path, needle: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()]


def test_the_canary_would_be_found(tmp_path: Path) -> None:
    vector = Words().embed([CANARY])[0]
    (tmp_path / "file").write_bytes(b"x" * 100 + to_bytes(vector))
    assert _files_with(tmp_path, np.asarray(vector, "<f4").tobytes()) == ["file"]
