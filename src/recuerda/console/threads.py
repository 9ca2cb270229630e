"""Conversations: those waiting for a person first; read, taken over, answered, handed back, resolved."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Form, Response
from sqlmodel import col, select

from recuerda import conversations, usage
from recuerda.access.rights import Right
from recuerda.api.views import message_views
from recuerda.console import marking
from recuerda.console.web import Posted, SignedIn, address, console_router, page, see
from recuerda.db import Session
from recuerda.errors import Conflict
from recuerda.models import Author, Conversation, ConversationStatus, Customer, Message
from recuerda.turns.indexing import enqueue_index, memory_of

_PAGE = 50
_URGENCY = {
    ConversationStatus.WAITING: 0,
    ConversationStatus.AGENT: 1,
    ConversationStatus.BOT: 2,
    ConversationStatus.RESOLVED: 2,
}
router = console_router()


@router.get("/conversations")
async def all_of_them(visit: SignedIn, status: str = "", number: int = 1) -> Response:
    """`number` is the page's, from 1."""
    number = max(number, 1)
    urgency = sa.case(_URGENCY, value=col(Conversation.status))
    query = select(Conversation, Customer).join(Customer, col(Customer.id) == col(Conversation.customer_id))
    if status in set(ConversationStatus):
        query = query.where(Conversation.status == ConversationStatus(status))
    query = query.order_by(urgency, col(Conversation.last_message_at).desc(), col(Conversation.id))
    async with visit.recuerda.db.read() as session:
        rows = (await session.exec(query.offset((number - 1) * _PAGE).limit(_PAGE + 1))).all()
        last = await _last_words(session, [conversation.id for conversation, _ in rows[:_PAGE]])
    await visit.saw("conversations.list", *(customer.id for _, customer in rows[:_PAGE]))
    return await page(
        visit,
        "conversations.html",
        rows=rows[:_PAGE],
        last=last,
        chosen=status,
        statuses=list(ConversationStatus),
        more=address("/console/conversations", status=status, number=number + 1)
        if len(rows) > _PAGE
        else None,
    )


async def _last_words(session: Session, ids: Sequence[str]) -> dict[str, list[marking.Piece]]:
    """The beginning of what the customer said last in each, special categories hidden."""
    newest = (
        select(Message.conversation_id, sa.func.max(Message.position).label("position"))
        .where(col(Message.conversation_id).in_(ids), col(Message.author) == Author.CUSTOMER)
        .group_by(col(Message.conversation_id))
        .subquery()
    )
    query = select(Message).join(
        newest,
        sa.and_(
            col(Message.conversation_id) == newest.c.conversation_id,
            col(Message.position) == newest.c.position,
        ),
    )
    messages = (await session.exec(query)).all()
    hidden = await marking.special_spans(session, [m.id for m in messages])
    return {
        m.conversation_id: marking.pieces(
            m.text[:160], hidden=[s for s in hidden.get(m.id, []) if s[0] < 160]
        )
        for m in messages
    }


@router.get("/conversations/{conversation_id}")
async def one(visit: SignedIn, conversation_id: str, show: bool = False) -> Response:
    async with visit.recuerda.db.read() as session:
        conversation = await conversations.get(session, conversation_id)
        customer = await session.get(Customer, conversation.customer_id)
        messages = await conversations.messages(session, conversation_id)
        hidden = await marking.special_spans(session, [m.id for m in messages])
        views = await message_views(session, messages)
        spent = await usage.of_conversation(session, conversation_id)
    show = show and Right.SPECIAL in visit.rights
    await visit.saw(
        "conversation.reveal" if show else "conversation.read",
        conversation.customer_id,
        target=conversation.id,
    )
    lines: list[dict[str, Any]] = [
        {
            "message": view,
            "words": marking.pieces(view.text, hidden=[] if show else hidden.get(view.id, [])),
        }
        for view in views
    ]
    return await page(
        visit,
        "conversation.html",
        conversation=conversation,
        customer=customer,
        lines=lines,
        show=show,
        has_hidden=bool(hidden),
        spent=spent,
        last_id=messages[-1].id if messages else "",
    )


@router.post("/conversations/{conversation_id}/reply")
async def reply(
    visit: Posted,
    conversation_id: str,
    text: Annotated[str, Form()] = "",
    answers: Annotated[str, Form()] = "",
) -> Response:
    """`answers` is the last message the agent saw; the same text sent twice to it is written once."""
    if not text.strip():
        return see(f"/console/conversations/{conversation_id}", at="reply")
    async with visit.recuerda.db.read() as session:
        conversation = await conversations.get(session, conversation_id)
    if conversation.status is not ConversationStatus.AGENT:
        raise Conflict(visit.t("conversation.take_first"))
    message = Message(
        conversation_id=conversation_id,
        customer_id=conversation.customer_id,
        position=-1,
        author=Author.AGENT,
        text=text.strip(),
        language=conversation.language,
    )
    item = memory_of(message, conversation)
    vectors = await visit.recuerda.memories.prepare([item])
    async with visit.recuerda.db.write() as session:
        if not await _is_repeat(session, message, answers):
            await conversations.append(session, message)
            if await conversations.may_remember(session, conversation_id):
                ids = await visit.recuerda.memories.remember(session, message.customer_id, [item], vectors)
                await enqueue_index(session, message.customer_id, ids, conversation_id=conversation_id)
            visit.note(session, "conversation.reply", message.customer_id, conversation_id)
    visit.recuerda.worker.wake()
    return see(f"/console/conversations/{conversation_id}", at="reply")


async def _is_repeat(session: Session, message: Message, answers: str) -> bool:
    seen = await session.get(Message, answers) if answers else None
    after = seen.position if seen and seen.conversation_id == message.conversation_id else -1
    newer = await conversations.messages(session, message.conversation_id, after=after)
    return any(m.author is Author.AGENT and m.text == message.text for m in newer)


@router.post("/conversations/{conversation_id}/{step}")
async def move(
    visit: Posted, conversation_id: str, step: Literal["take", "hand-back", "resolve"]
) -> Response:
    async with visit.recuerda.db.write() as session:
        moved = await conversations.get(session, conversation_id)
        visit.note(session, f"conversation.{step}", moved.customer_id, conversation_id)
        if step == "take":
            await conversations.hand_off(session, conversation_id, to_agent=True)
        elif step == "hand-back":
            await conversations.hand_back(session, conversation_id)
        else:
            await conversations.resolve(session, conversation_id)
    return see(f"/console/conversations/{conversation_id}", done=step, at="reply")
