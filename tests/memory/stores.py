"""What the tests of memory share: a quick embedder, a database, and a service over both."""

import contextlib
import zlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlmodel import SQLModel

from recuerda.db import Database
from recuerda.embeddings import Vectors, unit
from recuerda.memory import Memories, NewMemory
from recuerda.models import Customer
from recuerda.settings import Settings

START = datetime(2026, 1, 1, tzinfo=UTC)


class Words:
    """A bag of hashed words: quick, exact, and alike for texts that share words."""

    dimensions = 64

    def __init__(self, name: str = "words") -> None:
        self.name = name

    def embed(self, texts: Sequence[str]) -> Vectors:
        made = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(made, texts, strict=True):
            for word in text.lower().split():
                row += np.random.default_rng(zlib.crc32(word.encode())).normal(size=self.dimensions)
        return unit(made + 1e-6)


async def database(settings: Settings) -> Database:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db = Database(settings.database)
    async with db.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    return db


@contextlib.asynccontextmanager
async def memories(
    folder: Path, *, url: str = "", ready: bool = True
) -> AsyncIterator[tuple[Memories, Database]]:
    settings = Settings(data_dir=folder, chroma_url=url)
    db = await database(settings)
    service = Memories(db, Words(), settings)
    await service.start()
    try:
        if ready:
            assert await service.ready()
        yield service, db
    finally:
        await service.close()
        await db.close()


async def customer(db: Database, id: str) -> str:
    async with db.write() as session:
        session.add(Customer(id=id))
    return id


def said(n: int, text: str, **more: Any) -> NewMemory:
    return NewMemory("turn", str(n), text, START + timedelta(hours=n), "en", **more)


async def remember(
    service: Memories, db: Database, customer_id: str, items: Sequence[NewMemory]
) -> list[str]:
    """Writes and indexes, as the outbox would."""
    vectors = await service.prepare(items)
    async with db.write() as session:
        ids = await service.remember(session, customer_id, items, vectors)
    await service.index(ids)
    return ids
