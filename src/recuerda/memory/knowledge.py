"""The brand's own articles, policies and products: cut into passages, searched by words and by meaning.

SQL holds all of it. A process keeps the words in memory and reads them anew when any process has changed
them. Candidates by meaning come from Chroma (see `kb`) where this process has it open; until it is
filled, and beside a server, as `recuerda ingest` is, they are computed here: the same vectors, exactly.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Database, Session
from recuerda.embeddings import Embedder, Vectors, embed, to_bytes
from recuerda.language import Language
from recuerda.memory.passages import Piece, cut, embedded_text
from recuerda.memory.shelf import FLOOR, KnowledgeHit, Shelf
from recuerda.memory.spelling import mend
from recuerda.memory.vectors import VectorIndex
from recuerda.models import Document, Passage, now
from recuerda.settings import Settings

_BATCH = 32
_FRESH = 0.2  # seconds for which what another process changed may go unseen
_CANDIDATES = 200  # passages by meaning; by words all are looked at


@dataclass(frozen=True, slots=True)
class NewDocument:
    """An article, policy or product to know; `text` is Markdown."""

    id: str
    title: str
    text: str
    language: Language
    kind: str = "article"
    url: str | None = None
    data: dict[str, Any] | None = None

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


class Knowledge:
    def __init__(
        self, db: Database, embedder: Embedder, settings: Settings, vectors: VectorIndex | None = None
    ) -> None:
        self._db, self._embedder, self._vectors = db, embedder, vectors
        self._until = 0.0
        self._stamp: tuple[Any, ...] | None = None
        self._kept: Shelf | None = None
        self._loading = asyncio.Lock()

    async def put(self, document: NewDocument) -> bool:
        """Adds or replaces a document; False when it is already there as it is."""
        return (await self.put_many([document]))["changed"] == 1

    async def put_many(
        self, documents: Sequence[NewDocument], progress: Callable[[int, int], None] | None = None
    ) -> dict[str, int]:
        """Counts of `changed` and `unchanged`; each batch is committed, so a stopped run can go on.

        `progress` is called with how many of how many documents are done.
        """
        counts = {"changed": 0, "unchanged": 0}
        for start in range(0, len(documents), _BATCH):
            batch = {document.id: document for document in documents[start : start + _BATCH]}
            async with self._db.read() as session:
                query = select(Document.id, Document.digest).where(col(Document.id).in_(list(batch)))
                known = {id: digest for id, digest in await session.exec(query)}  # noqa: C416
            changed = [d for d in batch.values() if known.get(d.id) != d.digest]
            await self._write(changed)
            counts["changed"] += len(changed)
            counts["unchanged"] += len(documents[start : start + _BATCH]) - len(changed)
            if progress:
                progress(min(start + _BATCH, len(documents)), len(documents))
        return counts

    async def _write(self, documents: Sequence[NewDocument]) -> None:
        pieces = [(document, cut(document.title, document.text)) for document in documents]
        texts = [embedded_text(piece) for _, cuts in pieces for piece in cuts]
        vectors = [
            row
            for start in range(0, len(texts), _BATCH)
            for row in await asyncio.to_thread(self._embedder.embed, texts[start : start + _BATCH])
        ]
        async with self._db.write() as session:
            given = iter(vectors)
            for document, cuts in pieces:
                await self._replace(session, document, [(piece, next(given)) for piece in cuts])
        self._until = 0.0

    async def _replace(
        self, session: Session, new: NewDocument, pieces: Sequence[tuple[Piece, Vectors]]
    ) -> None:
        old = await session.get(Document, new.id)
        fields = {**asdict(new), "digest": new.digest, "updated_at": now()}
        if old is None:
            session.add(Document(**fields))
        else:
            for name, value in fields.items():
                setattr(old, name, value)
            old.version += 1
            await session.exec(sa.delete(Passage).where(col(Passage.document_id) == new.id))
        await session.flush()
        for position, (piece, vector) in enumerate(pieces):
            session.add(
                Passage(
                    document_id=new.id,
                    position=position,
                    title=piece.title,
                    text=piece.text,
                    language=new.language,
                    embedding=to_bytes(vector),
                    embedder=self._embedder.name,
                )
            )

    async def remove(self, id: str) -> bool:
        """Whether there was such a document."""
        async with self._db.write() as session:
            await session.exec(sa.delete(Passage).where(col(Passage.document_id) == id))
            gone = await session.exec(sa.delete(Document).where(col(Document.id) == id))
        self._until = 0.0
        return bool(cast("sa.CursorResult[Any]", gone).rowcount)

    async def documents(self, kind: str | None = None, language: Language | None = None) -> list[Document]:
        """Whole documents, by id; shared with other callers, so not to be changed."""
        shelf = await self._shelf()
        return [
            document
            for document in shelf.documents.values()
            if kind in (None, document.kind) and language in (None, document.language)
        ]

    async def search(
        self,
        query: str,
        *,
        language: Language,
        limit: int = 5,
        kinds: Collection[str] | None = None,
        floor: float = FLOOR,
        vector: Vectors | None = None,
        country: str | None = None,
    ) -> list[KnowledgeHit]:
        """The passages that answer `query`, best first, one a document; [] when we do not know.

        `vector` is the query's when the caller has it already; `country` (ISO 3166) is where the customer is.
        """
        shelf = await self._shelf()
        if not shelf.passages:
            return []
        if slips := shelf.slips(query, language):
            query, vector = mend(query, slips), None
        if vector is None:
            vector = (await embed(self._embedder, [query]))[0]
        near = None
        if self._vectors:
            near = await self._vectors.near_passages(shelf.vectors, vector, _CANDIDATES)
        hits = shelf.search(query, vector, language, limit, kinds, near, country)
        return [hit for hit in hits if hit.score >= floor]

    async def slips(self, text: str, language: Language) -> dict[str, str]:
        """The words of `text` that are mistyped and what they were meant to be, as far as the texts tell."""
        return (await self._shelf()).slips(text, language)

    async def _shelf(self) -> Shelf:
        """The passages as they are now; the stamp notices every writer, in this process or another."""
        if self._kept and time.monotonic() < self._until:
            return self._kept
        async with self._loading, self._db.read() as session:
            query = select(sa.func.count(), sa.func.sum(Document.version), sa.func.max(Document.updated_at))
            stamp = tuple((await session.exec(query)).one())
            if self._kept is None or stamp != self._stamp:
                documents = (await session.exec(select(Document).order_by(Document.id))).all()
                order = select(Passage).where(Passage.embedder == self._embedder.name)
                passages = await session.exec(order.order_by(Passage.document_id, col(Passage.position)))
                self._kept = await asyncio.to_thread(Shelf, documents, passages.all())
                self._stamp = stamp
            self._until = time.monotonic() + _FRESH
            return self._kept
