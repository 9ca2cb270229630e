"""Memories: what a customer said and did, written in SQL, derived into Chroma, recalled by meaning."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlmodel import select

from recuerda.db import Database, Session
from recuerda.embeddings import Embedder, Vectors, embed
from recuerda.language import Language
from recuerda.masking import mask
from recuerda.memory import rows as sql
from recuerda.memory.cache import Histories, item_of
from recuerda.memory.history import FLOOR, History
from recuerda.memory.passages import embedded_text
from recuerda.memory.reembed import reembed
from recuerda.memory.vectors import VectorIndex
from recuerda.memory.writing import NewMemory, write
from recuerda.models import Fact, Memory, Passage, now
from recuerda.settings import Settings

CACHE_BYTES = 256 * 1024 * 1024
_CANDIDATES = 200  # of the part of a history that is too long to be held
_EMBED_BATCH = 32  # about 50 ms: the encoder serves one caller at a time, so a long job must let others in


@dataclass(frozen=True, slots=True)
class Recalled:
    """A memory that matters for what was asked, and how much: 0 to 1."""

    id: str
    kind: str
    text: str
    at: datetime
    language: str
    speaker: str | None
    channel: str | None
    conversation_id: str | None
    data: dict[str, Any] | None
    score: float


class Memories:
    """Every method that touches a customer takes the customer's id and can reach nobody else."""

    def __init__(
        self, db: Database, embedder: Embedder, settings: Settings, *, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self._db, self._embedder = db, embedder
        self.vectors = VectorIndex(db, embedder, settings)
        self._upkeep = self.vectors.upkeep
        self._histories = Histories(embedder, cache_bytes)

    async def start(self, after: asyncio.Task[None] | None = None) -> None:
        """Returns at once; Chroma is opened, probed and healed in the background, SQL serves meanwhile.
        Importing it alone takes half a second, so it can come `after` what is more urgent.

        Raises SetupError when another process uses the same data folder, or the index was made with
        another embedder.
        """
        await self._upkeep.start(after)

    async def ready(self) -> bool:
        """Waits until the index is open, healed where needed; False when it cannot be opened.

        Nobody has to wait for it: recall answers from SQL until then.
        """
        return await self._upkeep.ready()

    async def close(self) -> None:
        await self._upkeep.close()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions); never blocks the event loop."""
        parts = [
            await embed(self._embedder, texts[start : start + _EMBED_BATCH])
            for start in range(0, max(len(texts), 1), _EMBED_BATCH)
        ]
        return parts[0] if len(parts) == 1 else _stack(parts)

    async def prepare(self, items: Sequence[NewMemory]) -> Vectors:
        """The vectors `remember` needs, made before its transaction so that nobody waits for it."""
        return await self.embed([mask(item.text) for item in items])

    async def remember(
        self,
        session: Session,
        customer_id: str,
        items: Sequence[NewMemory],
        vectors: Vectors | None = None,
    ) -> list[str]:
        """Writes the items' rows in the caller's transaction; the ids come back in the items' order.

        `vectors` are those of `prepare(items)`. Secrets are masked. The caller enqueues a job that
        calls `index` with these ids. Raises NotFound for an unknown customer.
        """
        if vectors is None:
            vectors = await self.prepare(items)
        return await write(session, customer_id, items, vectors, self._embedder.name)

    async def index(self, ids: Sequence[str]) -> None:
        """Brings these memories from SQL to Chroma; any number of times, in any order."""
        await self.vectors.bring(ids)

    async def unindex(self, customer_id: str, ids: Sequence[str]) -> None:
        """Takes out of Chroma memories of a customer that SQL no longer has."""
        await self.vectors.remove(customer_id, ids)

    async def recall(
        self,
        customer_id: str,
        query: str,
        *,
        now: datetime | None = None,
        language: Language = "en",
        limit: int = 10,
        kinds: Collection[str] | None = None,
        floor: float = FLOOR,
        vector: Vectors | None = None,
    ) -> list[Recalled]:
        """What of this customer's history matters for `query`, best first; [] when nothing does.

        `vector` is the query's when the caller has it already; `now` is what "yesterday" counts from.
        """
        if vector is None:
            vector = (await self.embed([query]))[0]
        async with self._db.read() as session:
            history, complete = await self._histories.get(session, customer_id)
            searched = [history]
            if not complete:
                searched.append(await self._beyond(session, customer_id, vector, history))
            hits = [
                hit
                for part in searched
                for hit in part.search(
                    query,
                    vector,
                    now=now or _now(),
                    language=language,
                    limit=limit,
                    kinds=kinds,
                    floor=floor,
                )
            ]
            hits = sorted(hits, key=lambda hit: -hit.score)[:limit] if len(searched) > 1 else hits
            extras = await sql.extras(session, customer_id, [hit.item.id for hit in hits]) if hits else {}
        return [
            Recalled(
                id=item.id,
                kind=item.kind,
                text=item.text,
                at=item.at,
                language=item.language,
                speaker=item.speaker,
                channel=extras[item.id][0],
                conversation_id=item.conversation_id,
                data=extras[item.id][1],
                score=hit.score,
            )
            for hit in hits
            if (item := hit.item).id in extras
        ]

    async def _beyond(self, session: Session, customer_id: str, vector: Vectors, held: History) -> History:
        """Of a history too long to be held, the memories nearest to the question that are not held."""
        ids = await self.vectors.nearest(customer_id, vector, _CANDIDATES)
        if ids is None:
            async with self._db.read(streams=True) as all_of_it:
                ids = await sql.nearest(all_of_it, customer_id, self._embedder.name, vector, _CANDIDATES)
        known = {item.id for item in held.items}
        others = [id for id in ids if id not in known]
        rows, vectors = await sql.chosen(session, customer_id, self._embedder.name, others)
        return History(
            [item_of(row) for row in rows],
            np.zeros((0, self._embedder.dimensions), np.float32) if vectors is None else vectors,
        )

    async def forget(self, *customer_ids: str) -> dict[str, int]:
        """Removes what Chroma's files hold of customers whose rows in SQL are gone; counts what it was.

        Give the ids of merged customers too: their entries were written under their own id.
        """
        for customer_id in customer_ids:
            self._histories.drop(customer_id)
        return await self._upkeep.erase(customer_ids)

    async def status(self) -> dict[str, Any]:
        """For readiness checks and `recuerda doctor`."""
        async with self._db.read() as session:
            total = (await session.exec(select(sa.func.count()).select_from(Memory))).one()
        return {
            "memories": total,
            "embedder": self._embedder.name,
            "histories": len(self._histories),
            "history_bytes": self._histories.nbytes,
            **await self.vectors.status(),
        }

    async def reindex(self, progress: Callable[[int, int], None] | None = None) -> dict[str, int]:
        """Builds the whole of Chroma anew from SQL, embedding again what another embedder made: memories,
        passages of knowledge and facts.

        May be called with or without `start`. `progress` is called with how many of how many texts
        are embedded, then with how many of how many shards are built.
        """
        async with self._upkeep.alone():
            embedded = 0
            for table, text in _EMBEDDED:
                embedded += await reembed(self._db, table, text, self.embed, self._embedder, progress)
            return {"embedded": embedded, **await self._upkeep.reindex(progress)}


_EMBEDDED: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (Memory, lambda row: str(row.text)),
    (Passage, embedded_text),
    (Fact, lambda row: str(row.statement)),
)


def _now() -> datetime:
    return now()


def _stack(parts: list[Vectors]) -> Vectors:
    return np.concatenate(parts)
