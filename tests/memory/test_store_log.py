"""Chroma's log of writes: one table for all collections, which is not read whole at every write."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.memory.stores import customer, memories, remember, said


async def test_the_log_of_an_index_opened_again_is_indexed(tmp_path: Path) -> None:
    for n in range(2):
        async with memories(tmp_path) as (service, db):
            if not n:
                await customer(db, "ana")
            await remember(service, db, "ana", [said(n, f"the trail shoes number {n}")])
            assert (await service.status())["indexed"] == n + 1
    with closing(sqlite3.connect(tmp_path / "chroma" / "chroma.sqlite3")) as connection:
        query = "EXPLAIN QUERY PLAN SELECT * FROM embeddings_queue WHERE topic = 'one' AND seq_id > 0"
        [(*_, plan)] = connection.execute(query).fetchall()
    assert "recuerda_log" in plan
