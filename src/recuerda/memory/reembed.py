"""Vectors made by another embedder, made again: vectors of two embedders are never compared."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Database
from recuerda.embeddings import Embedder, Vectors, to_bytes
from recuerda.memory.writing import touch
from recuerda.models import Fact, Memory, Passage

_BATCH = 256


async def reembed(
    db: Database,
    table: type[Memory] | type[Passage] | type[Fact],
    text: Callable[[Any], str],
    embed: Callable[[Sequence[str]], Awaitable[Vectors]],
    embedder: Embedder,
    progress: Callable[[int, int], None] | None,
) -> int:
    """How many rows there were. Each batch is committed, so a stopped run goes on where it was."""
    strange = col(table.embedder) != embedder.name
    words = "statement" if table is Fact else "text"
    done = 0
    async with db.read() as session:
        total = (await session.exec(select(sa.func.count()).select_from(table).where(strange))).one()
    while True:
        async with db.read() as session:
            rows = cast(
                "list[Memory | Passage | Fact]",
                (await session.exec(select(table).where(strange).limit(_BATCH))).all(),
            )
        if not rows:
            return done
        vectors = await embed([text(row) for row in rows])
        async with db.write() as session:
            for row, vector in zip(rows, vectors, strict=True):
                # Only if the text is still the one embedded: a row written meanwhile has its own vector.
                same = getattr(table, words) == getattr(row, words)
                mine = sa.update(table).where(col(table.id) == row.id, strange, same)
                await session.exec(mine.values(embedding=to_bytes(vector), embedder=embedder.name))
            if owners := {row.customer_id for row in rows if isinstance(row, Memory)}:
                await touch(session, *owners)
        done += len(rows)
        if progress:
            progress(done, total)
