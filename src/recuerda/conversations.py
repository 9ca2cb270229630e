"""Conversations and messages: opened, written to, handed to a person, resolved, rated."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import language as languages
from recuerda.db import Session, Statement, fetch, run, together
from recuerda.errors import BadInput, Conflict, NotFound, TooLarge
from recuerda.language import Language
from recuerda.models import (
    Author,
    Conversation,
    ConversationStatus,
    Customer,
    Delivery,
    Message,
)
from recuerda.work import enqueue

PUSHED_CHANNELS = frozenset({"sms", "whatsapp"})  # the others fetch their replies


async def open_conversation(
    session: Session,
    customer: Customer,
    *,
    channel: str,
    locale: str | None,
    default_language: Language,
) -> Conversation:
    language = languages.from_locale(locale) or languages.from_locale(customer.locale) or default_language
    conversation = Conversation(
        customer_id=customer.id, channel=channel, locale=locale or customer.locale, language=language
    )
    session.add(conversation)
    await session.flush()
    return conversation


async def get(session: Session, conversation_id: str, *, customer_id: str | None = None) -> Conversation:
    """Raises `NotFound`, also for a conversation that is not `customer_id`'s, when that is given."""
    conversation = await session.get(Conversation, conversation_id)
    if conversation is None or (customer_id is not None and conversation.customer_id != customer_id):
        raise NotFound("There is no conversation with this id.")
    return conversation


async def append(
    session: Session, message: Message, *, max_chars: int = 100_000, deliver: bool = True
) -> Conversation:
    """Give an unsaved message the conversation's next position and save it. Locks the conversation.

    On a channel that we push to, what is not the customer's own is queued for delivery with it, unless
    `deliver` is off: the past is imported, not sent again.
    """
    message.text = message.text.replace("\x00", "")
    if not message.text.strip():
        raise BadInput("The message is empty. Write something in `text`.")
    if len(message.text) > max_chars:
        raise TooLarge(
            f"The message has {len(message.text)} characters; {max_chars} is the most. Send it in parts."
        )
    conversation = await _allot(session, message)
    if deliver and message.author is not Author.CUSTOMER and conversation.channel in PUSHED_CHANNELS:
        message.delivery = Delivery.QUEUED
    await run(session, _SAVE, message.model_dump())
    if message.delivery is Delivery.QUEUED:
        await enqueue(
            session,
            "deliver",
            lane=f"deliver:{conversation.id}",
            payload={"message_id": message.id},
            conversation_id=conversation.id,
            customer_id=conversation.customer_id,
        )
    return conversation


async def note_receipt(session: Session, message: Message, receipt: dict[str, Any]) -> None:
    message.receipt = receipt
    await run(session, _NOTE, {"message": message.id, "noted": receipt})


async def _allot(session: Session, message: Message) -> Conversation:
    # The update takes the row's lock first, so two messages at once get two positions, in order.
    said = {"conversation": message.conversation_id, "said": message.at}
    locked = await fetch(session, Conversation, _ALLOT, said)
    if not locked:
        raise NotFound("There is no conversation with this id.")
    [conversation] = locked
    message.position = conversation.next_position - 1
    message.customer_id = conversation.customer_id
    if message.author is not Author.CUSTOMER:
        return conversation
    message.language = languages.detect(message.text, _as_language(conversation.language))
    status = conversation.status
    if status is ConversationStatus.RESOLVED:
        status = ConversationStatus.BOT  # writing again opens it again
    if (conversation.language, conversation.status) == (message.language, status):
        return conversation
    changed = {"conversation": conversation.id, "spoken": message.language, "now": status}
    return (await fetch(session, Conversation, _CHANGE, changed))[0]


def _as_language(value: str) -> Language:
    return languages.from_locale(value) or "en"


async def messages(
    session: Session, conversation_id: str, *, after: int = -1, limit: int | None = None
) -> list[Message]:
    """In order, those past position `after`."""
    query = (
        select(Message)
        .where(Message.conversation_id == conversation_id, col(Message.position) > after)
        .order_by(col(Message.position))
    )
    return list((await session.exec(query if limit is None else query.limit(limit))).all())


async def earlier(session: Session, message: Message, limit: int = 8) -> list[Message]:
    """The last messages before `message`, oldest first."""
    statement, values = before(message, limit)
    return (await fetch(session, Message, statement, values))[::-1]


def before(message: Message, limit: int = 8) -> Statement:
    """What `earlier` asks for: the newest first."""
    values = {"conversation": message.conversation_id, "position": message.position, "most": limit}
    return _EARLIER, values


async def may_remember(session: Session, conversation_id: str) -> bool:
    """Whether what is said in it may be learnt; not when it is gone. Inside the transaction that would write
    it: it locks the customer's row, as turning memory off does, so that either we see the switch or the
    switch sees what was written."""
    about = {"conversation": conversation_id}
    _, switches = await together(session, (_LOCK_CUSTOMER, about), (_SWITCHES, about))
    return all(switches.first() or [False])


_UNDOABLE = ("forget", "refuse", "off_record", "stop_memory")


async def last_act(session: Session, message: Message) -> dict[str, Any] | None:
    """`undoable` in what was said before `message`."""
    return undoable(await earlier(session, message))


def undoable(found: list[Message], *, replies: int = 2) -> dict[str, Any] | None:
    """The receipt of what one of the last replies did that the customer may still undo."""
    receipts = [m.receipt or {} for m in reversed(found) if m.author is Author.ASSISTANT][:replies]
    last = next((receipt for receipt in receipts if receipt.get("act")), None)
    return last if last and last["act"] in _UNDOABLE else None


async def hand_off(session: Session, conversation_id: str, *, to_agent: bool = False) -> Conversation:
    conversation = await _unresolved(session, conversation_id)
    if conversation.status is not ConversationStatus.AGENT:
        conversation.status = ConversationStatus.AGENT if to_agent else ConversationStatus.WAITING
    return conversation


async def hand_back(session: Session, conversation_id: str) -> Conversation:
    """The assistant answers again."""
    conversation = await _unresolved(session, conversation_id)
    conversation.status = ConversationStatus.BOT
    return conversation


async def _unresolved(session: Session, conversation_id: str) -> Conversation:
    conversation = await get(session, conversation_id)
    if conversation.status is ConversationStatus.RESOLVED:
        raise Conflict("This conversation is resolved. A new message opens it again.")
    return conversation


async def resolve(session: Session, conversation_id: str) -> Conversation:
    conversation = await get(session, conversation_id)
    conversation.status = ConversationStatus.RESOLVED
    return conversation


async def rate(session: Session, conversation_id: str, rating: int, comment: str | None) -> Conversation:
    conversation = await get(session, conversation_id)
    conversation.rating, conversation.rating_comment = rating, comment
    return conversation


# Made once: every turn says these, and making them takes longer than running them.
_IT: sa.BindParameter[str] = sa.bindparam("conversation")
_ALLOT = (
    sa.update(Conversation)
    .where(col(Conversation.id) == _IT)
    .values(next_position=col(Conversation.next_position) + 1, last_message_at=sa.bindparam("said"))
    .returning(Conversation)
)
_CHANGE = (
    sa.update(Conversation)
    .where(col(Conversation.id) == _IT)
    .values(language=sa.bindparam("spoken"), status=sa.bindparam("now"))
    .returning(Conversation)
)
_SAVE = sa.insert(Message)
_NOTE = (
    sa.update(Message).where(col(Message.id) == sa.bindparam("message")).values(receipt=sa.bindparam("noted"))
)
_EARLIER = (
    select(Message)
    .where(col(Message.conversation_id) == _IT, col(Message.position) < sa.bindparam("position"))
    .order_by(col(Message.position).desc())
    .limit(sa.bindparam("most"))
)
_WHOSE = select(Conversation.customer_id).where(col(Conversation.id) == _IT).scalar_subquery()
_LOCK_CUSTOMER = select(Customer.id).where(col(Customer.id) == _WHOSE).with_for_update()
_SWITCHES = (
    select(Customer.remember, Conversation.remember)
    .join(Conversation, col(Conversation.customer_id) == col(Customer.id))
    .where(col(Conversation.id) == _IT)
)
