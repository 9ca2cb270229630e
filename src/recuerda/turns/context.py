"""Filling the context of a turn: the one place that decides what a reply may use, and how much of it.

Facts come first (they are what makes a reply personal), then knowledge, then memories; each kind has
a share of the token budget and what one leaves over the next may take.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import TypeVar

import numpy as np
import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import conversations
from recuerda.db import Database, Session, fetch
from recuerda.embeddings import Embedder, Vectors, from_bytes
from recuerda.errors import Unavailable
from recuerda.extraction import Draft, Extractor, Turn
from recuerda.facts import profile
from recuerda.language import Language, from_locale
from recuerda.memory import Knowledge, Memories, Recalled
from recuerda.meter import count_tokens
from recuerda.models import (
    Conversation,
    ConversationStatus,
    Customer,
    Document,
    Evidence,
    Fact,
    FactStatus,
    Memory,
    Message,
    Sensitivity,
)
from recuerda.settings import Settings
from recuerda.stale import stale_memories, visible
from recuerda.telemetry import metrics, traces
from recuerda.turns import Context, KnownFact, KnownMemory, KnownPassage, Said, asking
from recuerda.turns.drift import drifts
from recuerda.turns.lookup import look_up

_SHARE_OF_FACTS = 0.35
_SHARE_OF_KNOWLEDGE = 0.75  # of what the facts leave
_MEMORIES = 8
_ORDER_KINDS = ("order", "return")
_HEARD = 5  # messages before, to understand this one by; odd, see `learn`
_SHORT_FOLLOW_UP = 4  # words: "and in blue?" is searched for together with what came before

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where context comes from."""

    db: Database
    memories: Memories
    knowledge: Knowledge
    embedder: Embedder
    listener: Extractor  # the embedded extractor: what the message itself says, in milliseconds
    settings: Settings
    # The products by language, and what they were made of: the same as long as the knowledge is.
    products: dict[Language, tuple[list[Document], list[KnownPassage]]] = field(default_factory=dict)


async def gather(sources: Sources, message: Message) -> Context:
    """The context for replying to `message`, bound to its customer and cut to the token budget."""
    async with sources.db.read() as session:
        conversation, customer = await _who(session, message)
        earlier = await conversations.earlier(session, message)
        transcript = await visible(session, earlier)
        stored = await profile.current(session, customer.id, proposed=True)
        quotes = await _first_quotes(session, stored)
        orders = await _orders(session, customer.id)
        asked_before = await asking.asked_before(session, [fact.id for fact in stored])
    language = from_locale(message.language) or sources.settings.default_language
    said = [Said(m.author.value, text) for m, text in transcript]
    query = _query(message.text, said)
    vector = await _vector(sources, query)
    with metrics.stage("recall"), traces.span("recall") as span:
        recalled = await _recall(sources, message, query, vector, language)
        span.note(recuerda__recalled=len(recalled))
    facts = await _rank(sources, stored, quotes, asked_before, vector)
    with metrics.stage("hear"):
        heard = await _hear(sources.listener, said, message.text, language)
    remembers = customer.remember and conversation.remember
    unkept = [] if remembers else await stated(sources.listener, said, language)
    locale = conversation.locale or customer.locale
    with metrics.stage("knowledge"):
        found = await look_up(
            sources.knowledge,
            message.text,
            language=language,
            locale=locale,
            heard=heard,
            query=query,
            vector=vector,
        )

    budget = sources.settings.context_tokens
    kept_facts, left = _fit(facts, int(budget * _SHARE_OF_FACTS), lambda f: f.statement)
    left += budget - int(budget * _SHARE_OF_FACTS)
    kept_passages, over = _fit(found.passages, int(left * _SHARE_OF_KNOWLEDGE), lambda p: p.text)
    kept_memories, _ = _fit(recalled, left - int(left * _SHARE_OF_KNOWLEDGE) + over, lambda m: m.text)
    products = await _products(sources, language)
    return Context(
        brand=sources.settings.brand,
        message=message.text,
        language=language,
        now=message.at,
        customer_name=customer.name,
        transcript=said,
        facts=kept_facts,
        heard=heard,
        memories=kept_memories,
        orders=orders,
        knowledge=kept_passages,
        products=products,
        undoable=conversations.undoable(earlier) is not None,
        locale=locale,
        by_question=found.by_question,
        slips=found.slips,
        message_id=message.id,
        asked=asking.put(earlier),
        remembers=remembers,
        drifts=drifts(stored, orders, products),
        unkept=unkept,
        attended=conversation.status in (ConversationStatus.WAITING, ConversationStatus.AGENT),
    )


async def _who(session: Session, message: Message) -> tuple[Conversation, Customer]:
    [conversation] = await fetch(
        session, Conversation, _CONVERSATION, {"conversation": message.conversation_id}
    )
    [customer] = await fetch(session, Customer, _CUSTOMER, {"customer": conversation.customer_id})
    return conversation, customer


def _query(text: str, said: Sequence[Said]) -> str:
    if len(text.split()) > _SHORT_FOLLOW_UP:
        return text
    before = next((s.text for s in reversed(said) if s.author == "customer"), "")
    return f"{before} {text}".strip()


async def _vector(sources: Sources, query: str) -> Vectors | None:
    try:
        vectors = await sources.memories.embed([query])
    except Unavailable:  # an embeddings endpoint that is down: words alone still find things
        return None
    return np.asarray(vectors[0], np.float32)


async def _first_quotes(session: Session, facts: Sequence[Fact]) -> dict[str, Evidence]:
    wanted = [f.evidence_id for f in facts if f.evidence_id]
    if not wanted:
        return {}
    return {
        evidence.fact_id: evidence for evidence in await fetch(session, Evidence, _EVIDENCE, {"ids": wanted})
    }


async def _orders(session: Session, customer_id: str) -> list[KnownMemory]:
    return [_memory(row, 1.0) for row in await fetch(session, Memory, _ORDERS, {"customer": customer_id})]


def _memory(item: Memory | Recalled, score: float) -> KnownMemory:
    return KnownMemory(item.id, item.kind, item.text, item.at, item.speaker, item.data, score)


async def _recall(
    sources: Sources, message: Message, query: str, vector: Vectors | None, language: Language
) -> list[KnownMemory]:
    if vector is None:
        return []
    found = await sources.memories.recall(
        message.customer_id, query, now=message.at, language=language, limit=_MEMORIES, vector=vector
    )
    found = [item for item in found if item.conversation_id != message.conversation_id]
    async with sources.db.read() as session:
        stale = await stale_memories(session, message.customer_id, [item.id for item in found])
    return [_memory(item, item.score) for item in found if item.id not in stale]


async def _rank(
    sources: Sources,
    facts: Sequence[Fact],
    quotes: dict[str, Evidence],
    asked: Collection[tuple[str, str | None]],
    vector: Vectors | None,
) -> list[KnownFact]:
    missing = [f for f in facts if f.embedding is None or f.embedder != sources.embedder.name]
    vectors = {f.id: from_bytes(f.embedding) for f in facts if f.embedding is not None and f not in missing}
    if missing and vector is not None:
        made = await sources.memories.embed([f.statement for f in missing])
        vectors |= {fact.id: row for fact, row in zip(missing, made, strict=True)}
    ranked = [
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
            asked=frozenset(about or "" for fact_id, about in asked if fact_id == fact.id),
        )
        for fact in facts
    ]
    return sorted(ranked, key=lambda f: f.relevance, reverse=True)


async def _hear(listener: Extractor, said: Sequence[Said], text: str, language: Language) -> list[Draft]:
    turns = [*(Turn(s.author, s.text) for s in said[-_HEARD:]), Turn("customer", text)]
    return await listener.extract(turns, only=[len(turns) - 1], language=language)


async def stated(listener: Extractor, said: Sequence[Said], language: Language) -> list[Draft]:
    """What the customer told in this conversation, for one that is not remembered: it has no facts."""
    return await listener.extract([Turn(s.author, s.text) for s in said], language=language)


async def _products(sources: Sources, language: Language) -> list[KnownPassage]:
    documents = await sources.knowledge.documents(kind="product", language=language)
    known = sources.products.get(language)
    if known and len(known[0]) == len(documents) and all(map(is_, known[0], documents)):
        return known[1]
    made = [
        KnownPassage(
            id=d.id,
            document_id=d.id,
            kind=d.kind,
            title=d.title,
            text=d.text,
            url=d.url,
            language=language,
            data=d.data,
            score=0.0,
        )
        for d in documents
    ]
    sources.products[language] = documents, made
    return made


def _fit(items: Iterable[T], budget: int, text: Callable[[T], str]) -> tuple[list[T], int]:
    """The first items that fit into `budget` tokens, and what is left of it."""
    kept = []
    for item in items:
        cost = count_tokens(text(item)) + 8  # the line it stands on
        if cost > budget:
            continue
        budget -= cost
        kept.append(item)
    return kept, budget


# Made once: every turn says these, and making them takes longer than running them.
_IDS: sa.BindParameter[str] = sa.bindparam("ids", expanding=True)
_CONVERSATION = select(Conversation).where(col(Conversation.id) == sa.bindparam("conversation"))
_CUSTOMER = select(Customer).where(col(Customer.id) == sa.bindparam("customer"))
_EVIDENCE = select(Evidence).where(col(Evidence.id).in_(_IDS))
_ORDERS = (
    select(Memory)
    .where(col(Memory.customer_id) == sa.bindparam("customer"), col(Memory.kind).in_(_ORDER_KINDS))
    .order_by(col(Memory.at).desc())
    .limit(20)
)
