"""Composing one reply: what is recalled for it, the engine's words, and what is saved with them."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import conversations, usage
from recuerda.computing import computed
from recuerda.db import Session, fetch
from recuerda.embeddings import Vectors
from recuerda.errors import NotFound, Unavailable
from recuerda.helper import Helper
from recuerda.language import Language
from recuerda.masking import mask
from recuerda.memory import Memories
from recuerda.meter import metering
from recuerda.models import Author, Message
from recuerda.settings import Settings
from recuerda.telemetry import metrics, traces
from recuerda.turns import Context, Engine, Used, asking
from recuerda.turns.acts import act
from recuerda.turns.context import Sources, gather
from recuerda.turns.embedded import EmbeddedEngine
from recuerda.turns.embedded.engine import pieces
from recuerda.turns.indexing import Remember, memory_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delta:
    text: str


@dataclass(frozen=True, slots=True)
class Restart:
    """What came before is withdrawn: another engine answers from the start."""


Events = asyncio.Queue[Any]  # of Delta and Restart, and what the turn adds to them


@dataclass(slots=True)
class Draft:
    """A reply that is not saved yet."""

    text: str
    used: Used
    engine: str
    language: Language
    vectors: Vectors | None = None  # of the text, a row
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Composer:
    sources: Sources
    memories: Memories
    engine: Engine
    fallback: EmbeddedEngine
    settings: Settings
    helper: Helper

    async def compose(self, message: Message, events: Events) -> tuple[Remember, Message]:
        """Write the reply, telling `events` each piece; returns what to commit and the message it makes."""
        with metering() as calls, traces.span("turn") as span:
            span.note(gen_ai__conversation__id=message.conversation_id)
            draft = await self._draft(message, events)
            span.note(recuerda__engine=draft.engine, recuerda__fallback=draft.fallback is not None)
        outcome = "fallback" if draft.fallback else "answered"
        metrics.TURNS.labels(draft.engine.partition(":")[0], outcome).inc()
        reply = Message(
            conversation_id=message.conversation_id,
            customer_id=message.customer_id,
            position=-1,
            author=Author.ASSISTANT,
            text=draft.text,
            language=draft.language,
            reply_to=message.id,
            receipt=_receipt(draft),
            engine=draft.engine,
        )
        vectors = await self._vectors(draft) if draft.vectors is None else draft.vectors

        async def write(session: Session) -> list[str]:
            conversation = await conversations.append(session, reply)
            remembers = await conversations.may_remember(session, message.conversation_id)
            if draft.used.intent != "answer" or draft.used.ask:
                await act(session, message, draft.used)
                remembers = await conversations.may_remember(session, message.conversation_id)
            if (receipt := _receipt(draft)) != reply.receipt:  # what was done is known only now
                await conversations.note_receipt(session, reply, receipt)
            usage.record(session, message, calls, self.settings)
            if not remembers:
                return []
            item = memory_of(reply, conversation)
            return await self.memories.remember(session, message.customer_id, [item], vectors)

        return write, reply

    async def _draft(self, message: Message, events: Events) -> Draft:
        if self.engine is not self.fallback:
            with metrics.stage("context"):
                context = await gather(self.sources, message)
            with metrics.stage("reply"):
                return await self._written(context, events)
        draft = await self.helper.do("draft", message.id, lambda: self._computed(message))
        for piece in pieces(draft.text):
            await events.put(Delta(piece))
        return draft

    async def draft_of(self, message_id: str) -> Draft:
        """The helper's part of a turn: the embedded engine's reply to a saved message."""
        async with self.sources.db.read() as session:
            found = await fetch(session, Message, _MESSAGE, {"message": message_id})
        if not found:
            raise NotFound("There is no message with this id.")
        return await self._computed(found[0])

    async def _computed(self, message: Message) -> Draft:
        with metrics.stage("context"):
            context = await gather(self.sources, message)
        with metrics.stage("reply"):
            used = Used()
            text = await computed(len(context.message), self.fallback.compose, context, used)
            text = mask(text).strip()
            draft = Draft(text, used, self.fallback.name, context.language)
            draft.vectors = await self._vectors(draft)
            return draft

    async def _vectors(self, draft: Draft) -> Vectors:
        return await self.memories.embed([mask(draft.text)])

    async def _written(self, context: Context, events: Events) -> Draft:
        try:
            return await self._written_by(self.engine, context, events)
        except Unavailable as error:
            if self.fallback is self.engine:
                raise
            log.warning("engine %s: %s; the embedded engine answers", self.engine.name, type(error).__name__)
            draft = await self._written_by(self.fallback, context, events)
            draft.fallback = error.detail
            return draft

    async def _written_by(self, engine: Engine, context: Context, events: Events) -> Draft:
        used, said = Used(), []
        try:
            async for piece in engine.reply(context, used):
                said.append(piece)
                await events.put(Delta(piece))
        except Unavailable:
            if said:
                await events.put(Restart())
            raise
        text = mask("".join(said)).strip()
        if not text:
            raise Unavailable(f"The engine {engine.name} wrote nothing.")
        return Draft(text, used, engine.name, context.language)


_MESSAGE = select(Message).where(col(Message.id) == sa.bindparam("message"))


def _receipt(draft: Draft) -> dict[str, Any]:
    receipt: dict[str, Any] = {
        "facts": draft.used.facts,
        "memories": draft.used.memories,
        "knowledge": draft.used.knowledge,
    }
    if draft.used.intent != "answer":
        receipt["act"] = draft.used.intent
    if draft.used.forget:
        receipt["forgot"] = draft.used.forget
    if draft.used.ask:
        receipt["asked"] = asking.to_receipt(draft.used.ask)
    if draft.fallback:
        receipt["fallback"] = draft.fallback
    return receipt
