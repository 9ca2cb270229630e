"""Filling the context of a turn: the one place that decides what a reply may use, and how much of it.

Facts come first (they are what makes a reply personal), then knowledge, then memories; each kind has
a share of the token budget and what one leaves over the next may take.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import conversations
from recuerda.db import Database, Session, together
from recuerda.embeddings import Embedder, Vectors
from recuerda.errors import Unavailable
from recuerda.extraction import Draft, Extractor, Turn
from recuerda.language import Language, from_locale
from recuerda.memory import Knowledge, Memories
from recuerda.meter import count_tokens
from recuerda.models import Conversation, ConversationStatus, Customer, Message
from recuerda.settings import Settings
from recuerda.stale import visible
from recuerda.telemetry import metrics, traces
from recuerda.turns import Context, KnownFact, KnownMemory, KnownPassage, Said, asking, known
from recuerda.turns.drift import drifts
from recuerda.turns.lookup import Products, look_up

_SHARE_OF_FACTS = 0.35
_SHARE_OF_KNOWLEDGE = 0.75  # of what the facts leave
_HEARD = 5  # messages before, to understand this one by; odd, see `learn`
_SHORT_FOLLOW_UP = 4  # words: "and in blue?" is searched for together with what came before

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where context comes from."""

    db: Database
    memories: Memories
    knowledge: Knowledge
    products: Products
    embedder: Embedder
    listener: Extractor  # the embedded extractor: what the message itself says, in milliseconds
    settings: Settings


async def gather(sources: Sources, message: Message) -> Context:
    """The context for replying to `message`, bound to its customer and cut to the token budget."""
    async with sources.db.read() as session:
        conversation, customer, earlier, stored = await _read(session, message)
        transcript = await visible(session, earlier)
    language = from_locale(message.language) or sources.settings.default_language
    said = [Said(m.author.value, text) for m, text in transcript]
    query = _query(message.text, said)
    vector = await _vector(sources, query)
    with metrics.stage("recall"), traces.span("recall") as span:
        memories = await known.recalled(sources.db, sources.memories, message, query, vector, language)
        span.note(recuerda__recalled=len(memories))
    facts = await known.ranked(stored, vector, sources.memories, sources.embedder)
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
    kept_facts, passages, kept_memories = _within(
        sources.settings.context_tokens, facts, found.passages, memories
    )
    products = await sources.products.of(language)
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
        orders=stored.orders,
        knowledge=passages,
        products=products,
        undoable=conversations.undoable(earlier) is not None,
        locale=locale,
        by_question=found.by_question,
        slips=found.slips,
        message_id=message.id,
        asked=asking.put(earlier),
        remembers=remembers,
        drifts=drifts(stored.facts, stored.orders, products),
        unkept=unkept,
        attended=conversation.status in (ConversationStatus.WAITING, ConversationStatus.AGENT),
    )


async def _read(
    session: Session, message: Message
) -> tuple[Conversation, Customer, list[Message], known.Stored]:
    """The conversation, the customer, what was said before, and what is known: in one breath."""
    customer_id = message.customer_id
    conversation, customer, before, *stored = await together(
        session,
        (_CONVERSATION, {"conversation": message.conversation_id}),
        (_CUSTOMER, {"customer": customer_id}),
        conversations.before(message),
        *known.Stored.statements(customer_id),
    )
    [here], [who] = conversation.of(Conversation), customer.of(Customer)
    return here, who, before.of(Message)[::-1], known.Stored.of(*stored)


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


async def _hear(listener: Extractor, said: Sequence[Said], text: str, language: Language) -> list[Draft]:
    turns = [*(Turn(s.author, s.text) for s in said[-_HEARD:]), Turn("customer", text)]
    return await listener.extract(turns, only=[len(turns) - 1], language=language)


async def stated(listener: Extractor, said: Sequence[Said], language: Language) -> list[Draft]:
    """What the customer told in this conversation, for one that is not remembered: it has no facts."""
    return await listener.extract([Turn(s.author, s.text) for s in said], language=language)


def _within(
    budget: int, facts: Sequence[KnownFact], passages: Sequence[KnownPassage], memories: Sequence[KnownMemory]
) -> tuple[list[KnownFact], list[KnownPassage], list[KnownMemory]]:
    """Of each kind what fits into its share of `budget` tokens and into what the kind before left over."""
    share = int(budget * _SHARE_OF_FACTS)
    kept_facts, left = _fit(facts, share, lambda f: f.statement)
    left += budget - share
    share = int(left * _SHARE_OF_KNOWLEDGE)
    kept_passages, over = _fit(passages, share, lambda p: p.text)
    kept_memories, _ = _fit(memories, left - share + over, lambda m: m.text)
    return kept_facts, kept_passages, kept_memories


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
_CONVERSATION = select(Conversation).where(col(Conversation.id) == sa.bindparam("conversation"))
_CUSTOMER = select(Customer).where(col(Customer.id) == sa.bindparam("customer"))
