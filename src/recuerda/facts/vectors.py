"""Vectors of facts that were stated or changed by hand.

Without one a fact is not put beside what the customer says, and no message could end it. They are made after
the commit: the encoder may be a server that is away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from recuerda.db import Database, Session
from recuerda.embeddings import Embedder, embed, to_bytes
from recuerda.models import Fact
from recuerda.work import Write, enqueue


async def enqueue_vector(session: Session, fact: Fact) -> None:
    whose, lane = fact.customer_id, f"vector:{fact.id}"
    await enqueue(session, "vector", lane=lane, payload={"fact_id": fact.id}, customer_id=whose)


@dataclass(frozen=True, slots=True)
class FactVectors:
    """Handles `vector` jobs."""

    db: Database
    embedder: Embedder

    async def make(self, payload: Mapping[str, Any]) -> Write | None:
        async with self.db.read() as session:
            fact = await session.get(Fact, payload["fact_id"])
        if fact is None:
            return None
        [vector] = await embed(self.embedder, [fact.statement])
        same = (col(Fact.id) == fact.id, col(Fact.statement) == fact.statement)  # not if changed meanwhile
        made = {"embedding": to_bytes(vector), "embedder": self.embedder.name}

        async def write(session: Session) -> None:
            await session.exec(sa.update(Fact).where(*same).values(**made))

        return write
