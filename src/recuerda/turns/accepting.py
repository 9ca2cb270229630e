"""Accepting a customer's message: it is saved in one transaction with the work it causes."""

import secrets
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import conversations
from recuerda.db import Session, fetch
from recuerda.models import Author, Conversation, ConversationStatus, Job, Message
from recuerda.turns.embedded.reading import SWITCHES, sure_intent
from recuerda.turns.learn import enqueue_learn
from recuerda.work import Lease, enqueue, enqueue_held


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message is committed, and so is the work it causes."""

    message: Message
    job_id: int | None = None  # of its reply; None when a person answers this conversation
    lease: Lease | None = None  # held by this process, when the conversation was not busy
    learn: Lease | None = None  # of learning from it, when this process does that too


async def accept(session: Session, message: Message, *, max_chars: int, take: bool, learns: bool) -> Accepted:
    """Saves an unsaved message and the work it causes. `take` has its reply held for this process; when that
    `learns` meanwhile, learning from it too."""
    conversation = await conversations.append(session, message, max_chars=max_chars)
    if conversation.status is not ConversationStatus.BOT and not await _speaks_up(
        session, message, conversation
    ):
        await enqueue_learn(session, message)
        return Accepted(message)
    token = secrets.token_hex(8)
    learn = await enqueue_learn(session, message, token=token if take and learns else None)
    reply: Any = {
        "lane": f"reply:{message.conversation_id}",
        "payload": {"message_id": message.id},
        "conversation_id": message.conversation_id,
        "customer_id": message.customer_id,
    }
    if take:
        return Accepted(message, *await enqueue_held(session, "reply", token=token, **reply), learn)
    return Accepted(message, await enqueue(session, "reply", **reply))


async def accepted_before(session: Session, message_id: str) -> Accepted:
    """What was accepted, for whoever says it once more under the same key."""
    message = await session.get_one(Message, message_id)
    query = select(Job).where(Job.kind == "reply", Job.conversation_id == message.conversation_id)
    jobs = (await session.exec(query.order_by(col(Job.id).desc()))).all()
    return Accepted(message, next((job.id for job in jobs if job.payload["message_id"] == message.id), None))


async def _speaks_up(session: Session, message: Message, conversation: Conversation) -> bool:
    """Whether to answer though a person has the conversation: to say once that they were called, and always
    when the customer turns memory on or off."""
    intent = sure_intent(message.text)
    if intent in SWITCHES or (intent == "undo" and await conversations.last_act(session, message)):
        return True
    if conversation.status is not ConversationStatus.WAITING:
        return False
    before = {"conversation": message.conversation_id, "position": message.position}
    last = await fetch(session, Message, _OUR_LAST, before)
    return not last or (last[0].receipt or {}).get("act") != "waiting"


_OUR_LAST = (
    select(Message)
    .where(
        col(Message.conversation_id) == sa.bindparam("conversation"),
        col(Message.author) != Author.CUSTOMER,
        col(Message.position) < sa.bindparam("position"),
    )
    .order_by(col(Message.position).desc())
    .limit(1)
)
