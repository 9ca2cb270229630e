"""What turns remember, brought to the vector store: an item of history written with a message, and the jobs
that copy it there after its commit, or take it out again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import select

from recuerda.db import Session
from recuerda.memory import Memories, NewMemory
from recuerda.models import Conversation, Memory, Message
from recuerda.work import Write, enqueue

_BATCH = 500

Remember = Callable[[Session], Awaitable[list[str]]]  # writes; gives the ids of the memories it made


def memory_of(message: Message, conversation: Conversation) -> NewMemory:
    """A message as an item of the customer's history."""
    return NewMemory(
        kind="turn",
        external_id=message.id,
        text=message.text,
        at=message.at,
        language=message.language,
        speaker=message.author.value,
        channel=conversation.channel,
        conversation_id=conversation.id,
    )


def indexed(message: Message, *remember: Remember) -> Write:
    """Writes all of it, and one job for the memories it made in the conversation of `message`."""

    async def write(session: Session) -> None:
        ids = [id for each in remember for id in await each(session)]
        if ids:
            await enqueue_index(session, message.customer_id, ids, conversation_id=message.conversation_id)

    return write


async def enqueue_index(
    session: Session, customer_id: str, ids: list[str], *, conversation_id: str | None = None
) -> None:
    """Bring memories to the vector store; `settled` waits for it too."""
    await enqueue(
        session,
        "index",
        lane=f"index:{customer_id}",
        payload={"customer_id": customer_id, "ids": ids},
        conversation_id=conversation_id,
        customer_id=customer_id,
    )


async def enqueue_unindex(session: Session, customer_id: str, ids: list[str], conversation_id: str) -> None:
    """Take memories that were deleted out of the vector store, after whatever brings them there."""
    await enqueue(
        session,
        "unindex",
        lane=f"index:{customer_id}",
        payload={"customer_id": customer_id, "ids": ids},
        conversation_id=conversation_id,
        customer_id=customer_id,
    )


async def enqueue_reindex(session: Session, customer_id: str) -> None:
    """All of a customer's memories anew, after they changed hands."""
    ids = list((await session.exec(select(Memory.id).where(Memory.customer_id == customer_id))).all())
    for start in range(0, len(ids), _BATCH):
        await enqueue_index(session, customer_id, ids[start : start + _BATCH])


@dataclass(frozen=True, slots=True)
class Indexer:
    """Handles `index` and `unindex` jobs."""

    memories: Memories

    async def index(self, payloads: Sequence[Mapping[str, Any]]) -> None:
        await self.memories.index([id for payload in payloads for id in payload["ids"]])

    async def unindex(self, payload: Mapping[str, Any]) -> Write | None:
        await self.memories.unindex(payload["customer_id"], payload["ids"])
        return None
