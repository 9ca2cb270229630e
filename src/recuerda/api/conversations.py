"""Conversations, messages and their replies, whole or streamed."""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Header, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from recuerda import conversations, customers, usage
from recuerda.api.auth import BrandMayChat, Caller, MayChat, Running, api_router
from recuerda.api.fields import Page
from recuerda.api.idempotency import Key, Once
from recuerda.api.schemas import (
    ConversationView,
    MessageView,
    NewConversation,
    NewMessage,
    NewRating,
    TurnView,
    UsageView,
)
from recuerda.api.views import conversation_view, message_views, reply_view
from recuerda.app import Recuerda
from recuerda.db import Session
from recuerda.errors import BadInput, Forbidden, RecuerdaError
from recuerda.models import Assurance, Conversation, Customer, Message
from recuerda.telemetry import logs
from recuerda.turns.accepting import Accepted, accepted_before
from recuerda.turns.composing import Delta
from recuerda.turns.turn import Replied

router = api_router("/v1/conversations", tag="conversations")


async def _customer(session: Session, body: NewConversation, asking: Caller) -> Customer:
    if asking.customer_id is not None:
        if body.customer is not None:
            raise Forbidden("A customer's token speaks for its own customer only: leave `customer` out.")
        return await customers.get(session, asking.customer_id)
    if body.customer is None:
        raise BadInput("Say who the customer is: `customer: {external_id|email|phone|visitor}`.")
    return await customers.resolve(
        session,
        body.customer.addresses,
        name=body.customer.name,
        locale=body.locale,
        assurance=Assurance.SIGNED,
    )


@router.post("", status_code=201, responses={404: {}})
async def open_conversation(
    body: NewConversation, recuerda: Running, asking: MayChat, key: Key = None
) -> ConversationView:
    """Start a conversation with a customer, made when new."""
    once = Once(key, asking, "/v1/conversations", body)
    async with recuerda.db.write() as session:
        made = await once.before(session)
        if made is None:
            customer = await _customer(session, body, asking)
            conversation = await conversations.open_conversation(
                session,
                customer,
                channel=body.channel,
                locale=body.locale,
                default_language=recuerda.settings.default_language,
            )
            await once.made(session, conversation.id, customer.id)
        else:
            conversation = await conversations.get(session, made)
        return await conversation_view(session, conversation)


async def _mine(session: Session, conversation_id: str, asking: Caller) -> Conversation:
    return await conversations.get(session, conversation_id, customer_id=asking.customer_id)


@router.get("/{conversation_id}")
async def get_conversation(conversation_id: str, recuerda: Running, asking: MayChat) -> ConversationView:
    async with recuerda.db.read() as session:
        view = await conversation_view(session, await _mine(session, conversation_id, asking))
        spent = None if asking.customer_id else await usage.of_conversation(session, conversation_id)
        view.usage = UsageView(**asdict(spent)) if spent else None
        return view


@router.get("/{conversation_id}/messages")
async def list_messages(
    conversation_id: str,
    recuerda: Running,
    asking: MayChat,
    cursor: Annotated[int, Query(ge=-1, le=2**31)] = -1,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> Page[MessageView]:
    """In order, oldest first."""
    async with recuerda.db.read() as session:
        await _mine(session, conversation_id, asking)
        found = await conversations.messages(session, conversation_id, after=cursor, limit=limit + 1)
        page = found[:limit]
        return Page(
            items=await message_views(session, page),
            next_cursor=str(page[-1].position) if len(found) > limit else None,
        )


@router.post(
    "/{conversation_id}/messages",
    status_code=201,
    response_model=TurnView,
    responses={201: {"content": {"text/event-stream": {}}}, 503: {}},
)
async def post_message(
    conversation_id: str,
    body: NewMessage,
    request: Request,
    recuerda: Running,
    asking: MayChat,
    key: Key = None,
    accept: Annotated[str, Header()] = "application/json",
) -> Any:
    """What the customer says, and the reply to it.

    With `Accept: text/event-stream` the reply comes as events: `accepted {message}`, `delta {text}` ...,
    `reply {reply}`, `done {}`; `error {problem}` when it cannot be written. `restart {}` withdraws the deltas
    so far: the model failed or its answer was withheld, and the embedded engine answers instead.
    """
    once = Once(key, asking, request.url.path, body)
    logs.note(conversation_id=conversation_id)
    async with recuerda.db.write() as session:
        if asking.customer_id is not None:
            await _mine(session, conversation_id, asking)
        made = await once.before(session)
        if made is None:
            accepted = await recuerda.turns.accept(session, conversation_id, body.text, take=True)
            await once.made(session, accepted.message.id, accepted.message.customer_id)
        else:
            accepted = await accepted_before(session, made)
    if "text/event-stream" in accept:
        return StreamingResponse(
            _events(recuerda, accepted),
            status_code=201,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
    reply = None
    async for event in recuerda.turns.stream(accepted):
        if isinstance(event, Replied):
            reply = event.message
    view = await _turn_view(recuerda, accepted.message, reply)
    return JSONResponse(view.model_dump(mode="json"), status_code=201)


async def _turn_view(recuerda: Recuerda, message: Message, reply: Message | None) -> TurnView:
    async with recuerda.db.read() as session:
        return TurnView(
            message=(await message_views(session, [message]))[0],
            reply=None if reply is None else await reply_view(session, reply),
        )


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


async def _events(recuerda: Recuerda, accepted: Accepted) -> AsyncIterator[str]:
    view = await _turn_view(recuerda, accepted.message, None)
    yield _event("accepted", {"message": view.message.model_dump(mode="json")})
    try:
        async for event in recuerda.turns.stream(accepted):
            if isinstance(event, Delta):
                yield _event("delta", {"text": event.text})
            elif not isinstance(event, Replied):
                yield _event("restart", {})
            else:
                view = await _turn_view(recuerda, accepted.message, event.message)
                yield _event("reply", {"reply": view.reply and view.reply.model_dump(mode="json")})
        yield _event("done", {})
    except RecuerdaError as error:
        yield _event("error", {"problem": error.problem()})


@router.post("/{conversation_id}/handoff", responses={409: {}})
async def hand_off(conversation_id: str, recuerda: Running, asking: MayChat) -> ConversationView:
    """Ask for a person; the assistant answers no more until the conversation is handed back."""
    async with recuerda.db.write() as session:
        await _mine(session, conversation_id, asking)
        return await conversation_view(session, await conversations.hand_off(session, conversation_id))


@router.post("/{conversation_id}/resolve")
async def resolve(conversation_id: str, recuerda: Running, asking: BrandMayChat) -> ConversationView:
    async with recuerda.db.write() as session:
        resolved = await conversations.resolve(session, conversation_id)
        asking.note(session, "conversation.resolve", resolved.customer_id, resolved.id)
        return await conversation_view(session, resolved)


@router.post("/{conversation_id}/rating")
async def rate(conversation_id: str, body: NewRating, recuerda: Running, asking: MayChat) -> ConversationView:
    """How the customer found it, 1 to 5."""
    async with recuerda.db.write() as session:
        await _mine(session, conversation_id, asking)
        rated = await conversations.rate(session, conversation_id, body.rating, body.comment)
        return await conversation_view(session, rated)
