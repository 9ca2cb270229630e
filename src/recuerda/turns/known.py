"""What is known of the customer, as a reply may use it: facts, orders and what recall finds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Database, Session, fetch
from recuerda.embeddings import Embedder, Vectors, from_bytes
from recuerda.facts import profile
from recuerda.language import Language, from_locale
from recuerda.memory import Memories, Recalled
from recuerda.models import Evidence, Fact, FactStatus, Memory, Message, Sensitivity
from recuerda.stale import stale_memories
from recuerda.turns import KnownFact, KnownMemory, asking

_MOST = 8  # memories
_ORDER_KINDS = ("order", "return")


@dataclass(frozen=True, slots=True)
class Stored:
    """The current facts as they are in the database, and what a reply needs with them."""

    facts: Sequence[Fact]
    quotes: Mapping[str, Evidence]  # the words each was taken from
    asked: Collection[tuple[str, str | None]]  # see `asking.asked_before`


async def stored(session: Session, customer_id: str) -> Stored:
    facts = await profile.current(session, customer_id, proposed=True)
    quotes = await _quotes(session, facts)
    return Stored(facts, quotes, await asking.asked_before(session, [fact.id for fact in facts]))


async def _quotes(session: Session, facts: Sequence[Fact]) -> dict[str, Evidence]:
    wanted = [f.evidence_id for f in facts if f.evidence_id]
    if not wanted:
        return {}
    return {said.fact_id: said for said in await fetch(session, Evidence, _EVIDENCE, {"ids": wanted})}


async def ranked(
    found: Stored, vector: Vectors | None, memories: Memories, embedder: Embedder
) -> list[KnownFact]:
    """The facts, those nearest to `vector` first."""
    facts, quotes = found.facts, found.quotes
    missing = [f for f in facts if f.embedding is None or f.embedder != embedder.name]
    vectors = {f.id: from_bytes(f.embedding) for f in facts if f.embedding is not None and f not in missing}
    if missing and vector is not None:
        made = await memories.embed([f.statement for f in missing])
        vectors |= {fact.id: row for fact, row in zip(missing, made, strict=True)}
    ranking = [
        KnownFact(
            id=fact.id,
            category=fact.category.value,
            attribute=fact.attribute,
            value=fact.value,
            statement=fact.statement,
            subject=fact.subject,
            language=from_locale(fact.language) or "en",
            said_at=quotes[fact.id].at if fact.id in quotes else fact.valid_from,
            quote=quotes[fact.id].quote if fact.id in quotes else None,
            relevance=0.0 if vector is None else float(vectors[fact.id] @ vector),
            proposed=fact.status is FactStatus.PROPOSED,
            special=fact.sensitivity is Sensitivity.SPECIAL,
            asked=frozenset(about or "" for fact_id, about in found.asked if fact_id == fact.id),
        )
        for fact in facts
    ]
    return sorted(ranking, key=lambda f: f.relevance, reverse=True)


async def orders(session: Session, customer_id: str) -> list[KnownMemory]:
    """Orders and returns, newest first."""
    return [_memory(row, 1.0) for row in await fetch(session, Memory, _ORDERS, {"customer": customer_id})]


async def recalled(
    db: Database,
    memories: Memories,
    message: Message,
    query: str,
    vector: Vectors | None,
    language: Language,
) -> list[KnownMemory]:
    """What of other conversations matters for `query`, best first, and still holds."""
    if vector is None:
        return []
    found = await memories.recall(
        message.customer_id, query, now=message.at, language=language, limit=_MOST, vector=vector
    )
    found = [item for item in found if item.conversation_id != message.conversation_id]
    async with db.read() as session:
        stale = await stale_memories(session, message.customer_id, [item.id for item in found])
    return [_memory(item, item.score) for item in found if item.id not in stale]


def _memory(item: Memory | Recalled, score: float) -> KnownMemory:
    return KnownMemory(item.id, item.kind, item.text, item.at, item.speaker, item.data, score)


# Made once: every turn says these, and making them takes longer than running them.
_EVIDENCE = select(Evidence).where(col(Evidence.id).in_(sa.bindparam("ids", expanding=True)))
_ORDERS = (
    select(Memory)
    .where(col(Memory.customer_id) == sa.bindparam("customer"), col(Memory.kind).in_(_ORDER_KINDS))
    .order_by(col(Memory.at).desc())
    .limit(20)
)
