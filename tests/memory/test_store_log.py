"""What Chroma piles up: a log of writes in one table, and all it has touched in memory."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from recuerda.memory import shards
from recuerda.memory.shards import Entry, Shards, shard_of
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


def test_a_rebuild_gives_back_the_memory_of_what_it_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "LOADED", 10)
    opened = Shards(16, path=tmp_path)
    try:
        entries = [Entry(str(n), "ana", np.full(4, n, np.float32)) for n in range(11)]
        opened.upsert(entries)
        assert opened.crowded
        opened.settle(shard_of("ana", 16))
        assert not opened.crowded
        assert opened.count() == 11
    finally:
        opened.close()
