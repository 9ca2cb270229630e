"""What is known of the customer, as a reply may use it: facts, orders and what recall finds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Database, Statement
from recuerda.embeddings import Embedder, Vectors, from_bytes
from recuerda.facts import profile
from recuerda.language import Language, from_locale
from recuerda.memory import Memories, Recalled
from recuerda.models import CURRENT, Evidence, Fact, FactStatus, Memory, Message, Sensitivity
from recuerda.stale import stale_memories
from recuerda.statements import Rows
from recuerda.turns import KnownFact, KnownMemory, asking

_MOST = 8  # memories
_ORDER_KINDS = ("order", "return")


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database has of a customer for a reply."""

    facts: Sequence[Fact]  # the current ones
    quotes: Mapping[str, Evidence]  # by fact, the words it was taken from
    asked: Collection[tuple[str, str | None]]  # see `asking.asked_before`
    orders: Sequence[KnownMemory]  # and returns, newest first

    @staticmethod
    def statements(customer_id: str) -> Sequence[Statement]:
        """What it is made of, to be asked for together."""
        whose = {"customer": customer_id}
        current = profile.current_of(customer_id, proposed=True)
        return current, (_EVIDENCE, whose), asking.put_to(customer_id), (_ORDERS, whose)

    @classmethod
    def of(cls, facts: Rows, quotes: Rows, asked: Rows, orders: Rows) -> "Stored":
        return cls(
            facts.of(Fact),
            {said.fact_id: said for said in quotes.of(Evidence)},
            {(fact_id, about) for fact_id, about in asked},
            [_memory(row, 1.0) for row in orders.of(Memory)],
        )


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
_EVIDENCE = (
    select(Evidence)
    .join(Fact, col(Fact.evidence_id) == col(Evidence.id))
    .where(col(Fact.customer_id) == sa.bindparam("customer"), col(Fact.status).in_(CURRENT))
)
_ORDERS = (
    select(Memory)
    .where(col(Memory.customer_id) == sa.bindparam("customer"), col(Memory.kind).in_(_ORDER_KINDS))
    .order_by(col(Memory.at).desc())
    .limit(20)
)
