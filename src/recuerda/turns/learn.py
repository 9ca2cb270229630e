"""After the reply path: what a customer's message says becomes a memory and facts.

The job is at-least-once; its write is one transaction with the mark "done", and what was taken from
a message before is never taken again, so doing it twice changes nothing.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import conversations, usage
from recuerda.db import Database, Session, fetch, run
from recuerda.embeddings import Embedder, Vectors
from recuerda.errors import Unavailable
from recuerda.extraction import Draft, Extractor, Turn
from recuerda.extraction.catalogue import Catalogue
from recuerda.extraction.outdated import OUTDATED, Said
from recuerda.extraction.reconcile import reconcile
from recuerda.extraction.reversals import goes_back
from recuerda.facts import profile, record
from recuerda.helper import Helper
from recuerda.language import from_locale
from recuerda.memory import Memories
from recuerda.meter import Usage, metering
from recuerda.models import Author, Conversation, Customer, Memory, Message
from recuerda.settings import Settings
from recuerda.turns import asking
from recuerda.turns.indexing import Remember, indexed, memory_of
from recuerda.work import Lease, Write, enqueue, enqueue_held

log = logging.getLogger(__name__)

# Earlier messages the extractor sees, to understand an answer by its question. Odd, as what the reply hears,
# so that as a rule each of the customer's comes with what it answers and was judged before just so.
_CONTEXT = 7


async def enqueue_learn(session: Session, message: Message, *, token: str | None = None) -> Lease | None:
    """A lease when it is taken under `token` at once; None when a worker will do it."""
    what: Any = {
        "lane": f"learn:{message.conversation_id}",
        "payload": {"message_id": message.id},
        "conversation_id": message.conversation_id,
        "customer_id": message.customer_id,
    }
    if token is None:
        await enqueue(session, "learn", **what)
        return None
    return (await enqueue_held(session, "learn", token=token, **what))[1]


# If it may be learnt from, the message, and the conversation it is of:
_REMEMBERED = (col(Message.id) == sa.bindparam("message"), col(Conversation.remember), col(Customer.remember))
_MESSAGE = (
    select(Message)
    .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
    .join(Customer, col(Customer.id) == col(Conversation.customer_id))
    .where(*_REMEMBERED)
)
_CONVERSATION = select(Conversation).where(col(Conversation.id) == sa.bindparam("conversation"))
_LEARNT = select(Memory.id).where(
    col(Memory.customer_id) == sa.bindparam("customer"),
    col(Memory.external_id) == sa.bindparam("message"),
    col(Memory.kind) == "turn",
)


async def _learnt(session: Session, message: Message) -> bool:
    """Whether this message was learnt from before, and is being replayed."""
    whose = {"customer": message.customer_id, "message": message.id}
    return (await run(session, _LEARNT, whose)).first() is not None


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a message teaches, read but not written down yet."""

    message: Message
    conversation: Conversation
    vectors: Vectors  # of the message as an item of history, a row
    drafts: list[Draft]
    statements: Mapping[str, Vectors]  # of the drafts
    said: Said | None
    calls: list[Usage]


class Learner:
    """Handles `learn` jobs."""

    def __init__(
        self,
        db: Database,
        memories: Memories,
        embedder: Embedder,
        extractor: Extractor,
        fallback: Extractor,
        catalogue: Catalogue,
        settings: Settings,
        helper: Helper,
    ) -> None:
        self._helper = helper
        self._db = db
        self._memories = memories
        self._embedder = embedder
        self._extractor = extractor
        self._fallback = fallback
        self._catalogue = catalogue
        self._settings = settings

    async def lesson(self, message_id: str) -> Lesson | None:
        """The helper's part of learning; None when there is nothing to learn from (any more)."""
        async with self._db.read() as session:
            found = await fetch(session, Message, _MESSAGE, {"message": message_id})
            if not found:
                return None  # erased, or not to be remembered
            [message] = found
            [conversation] = await fetch(
                session, Conversation, _CONVERSATION, {"conversation": message.conversation_id}
            )
            before = await conversations.earlier(session, message, limit=_CONTEXT)
        turns = [*(Turn(m.author.value, m.text) for m in before), Turn("customer", message.text)]
        vector = await self._memories.prepare([memory_of(message, conversation)])
        with metering() as calls:
            drafts = await self._extract(turns, message) if message.author is Author.CUSTOMER else []
        statements = list(dict.fromkeys(d.statement for d in drafts))
        vectors = dict(zip(statements, await self._memories.embed(statements), strict=True)) if drafts else {}
        readable = message.author is Author.CUSTOMER and OUTDATED.reads(self._embedder.name)
        said = Said(message.text, vector[0], vectors, drafts) if readable else None
        return Lesson(message, conversation, vector, drafts, vectors, said, calls)

    async def learn(self, payload: Mapping[str, Any]) -> Write | None:
        """The job."""
        taught = await self.taught(payload["message_id"])
        return taught and indexed(*taught)

    async def taught(self, message_id: str) -> tuple[Message, Remember] | None:
        """What writes down what a message teaches; None when there is nothing to learn."""
        if self._extractor is self._fallback:
            lesson = await self._helper.do("lesson", message_id, lambda: self.lesson(message_id))
        else:
            lesson = await self.lesson(message_id)
        if lesson is None:
            return None
        message, conversation = lesson.message, lesson.conversation

        async def write(session: Session) -> list[str]:
            # Facts of one customer are reconciled one message at a time: this locks the customer.
            if not await conversations.may_remember(session, conversation.id):
                return []  # the customer said so while this was being read
            if await _learnt(session, message):
                return []  # all of this was written together before
            item = memory_of(message, conversation)
            ids = await self._memories.remember(session, message.customer_id, [item], lesson.vectors)
            if lesson.drafts or lesson.said is not None:
                await self._record(session, lesson)
            await asking.catch_up(session, message)
            usage.record(session, message, lesson.calls, self._settings)
            return ids

        return message, write

    async def _record(self, session: Session, lesson: Lesson) -> None:
        message, vectors = lesson.message, lesson.statements
        before = await record.already_said(session, message.id)
        new = [d for d in lesson.drafts if (d.start, d.end, d.attribute) not in before]
        stored = await profile.current(session, message.customer_id, proposed=True)
        if goes_back(message.text):
            stored += await profile.superseded(session, message.customer_id)
        changes = reconcile(
            [record.known(fact) for fact in stored],
            new,
            now=message.at,
            catalogue=self._catalogue,
            vectors=vectors,
            said=lesson.said,
        )
        if not changes:
            return
        await record.apply(
            session,
            message,
            lesson.conversation,
            changes,
            vectors,
            embedder=self._embedder,
            catalogue=self._catalogue,
            marketing_uses=self._settings.marketing_uses,
        )

    async def _extract(self, turns: list[Turn], message: Message) -> list[Draft]:
        language, last = from_locale(message.language), [len(turns) - 1]
        try:
            return await self._extractor.extract(turns, only=last, language=language, faint=True)
        except Unavailable as error:
            # The customer's words are worth more than the better extractor: take what the embedded one finds.
            log.warning("extractor %s is away (%s); using the embedded one", self._extractor.name, error)
            return await self._fallback.extract(turns, only=last, language=language, faint=True)
