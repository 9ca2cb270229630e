"""SMS and WhatsApp through Twilio: the webhook.

The answer is empty TwiML as soon as the message and the work it causes are committed; the reply goes out
by REST from that work. A repeated MessageSid changes nothing.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from recuerda import conversations, customers
from recuerda.api.auth import Running, address_of, limits_of
from recuerda.app import Recuerda
from recuerda.channels.delivery import KINDS, thread_id
from recuerda.channels.incoming import Incoming, cut, locale_of, read
from recuerda.channels.signature import Form, signed_form
from recuerda.channels.texts import ASK_FOR_TEXT
from recuerda.db import Session
from recuerda.errors import BadInput, Forbidden
from recuerda.language import from_locale
from recuerda.models import (
    Assurance,
    Author,
    Conversation,
    ConversationStatus,
    Customer,
    Identity,
    IdentityKind,
    Message,
    now,
)
from recuerda.settings import Settings

router = APIRouter(prefix="/channels/twilio", tags=["channels"])

EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
CONTINUED_FOR = timedelta(hours=24)  # a later message opens a new conversation
_TRIES = 4  # a new customer and a repeated message can each cost one
_NOTHING = "…"


@router.post(
    "/messages",
    response_class=Response,
    responses={200: {"content": {"text/xml": {}}}, 403: {}, 413: {}, 422: {}, 429: {}, 503: {}},
)
async def receive(request: Request, recuerda: Running) -> Response:
    """Twilio's webhook for incoming SMS and WhatsApp messages; signed with the account's token."""
    try:
        form = await signed_form(request, recuerda.settings)
    except (BadInput, Forbidden):  # who knocks with nothing of Twilio's is counted, before it is told so
        limits_of(request).address(address_of(request))
        raise
    incoming = read(form)
    _check_account(form, incoming, recuerda.settings)
    for left in reversed(range(_TRIES)):
        try:
            async with recuerda.db.write() as session:
                await _take(session, recuerda, incoming)
            break
        except sa.exc.IntegrityError:
            # Another request committed this message, or this new customer, just before: look again.
            if not left:
                raise
    recuerda.worker.wake()
    return Response(EMPTY, media_type="text/xml")


def _check_account(form: Form, incoming: Incoming, settings: Settings) -> None:
    """Signed is not enough: a subaccount may share the token, and a loop would answer itself for ever."""
    if settings.twilio_account_sid and form.first("AccountSid") != settings.twilio_account_sid:
        raise Forbidden("This message is for another Twilio account than RECUERDA_TWILIO_ACCOUNT_SID.")
    if incoming.number == settings.twilio_from.removeprefix("whatsapp:"):
        raise Forbidden("This message comes from our own number, so it is no customer's.")


async def _take(session: Session, recuerda: Recuerda, incoming: Incoming) -> None:
    known = select(Message.id).where(Message.external_id == incoming.sid)
    if (await session.exec(known)).first() is not None:
        return
    customer = await _customer(session, incoming)
    conversation = await _conversation(session, recuerda, customer, incoming)
    if not incoming.text:
        await _ask_for_text(session, conversation, incoming)
        return
    text = f"{incoming.text}\n{incoming.marks}" if incoming.marks else incoming.text
    text = cut(text, recuerda.settings.max_message_chars)
    await recuerda.turns.accept(session, conversation.id, text, external_id=incoming.sid, take=False)


async def _customer(session: Session, incoming: Incoming) -> Customer:
    """The number's customer. The channel has proved the number, so the same number on the other channel
    is the same person, unless there it is only claimed."""
    kind = KINDS[incoming.channel]
    customer = await customers.find(session, kind, incoming.number)
    if customer is None:
        other = IdentityKind.WHATSAPP if kind is IdentityKind.PHONE else IdentityKind.PHONE
        number = customers.normalise(kind, incoming.number)
        twin = select(Identity.id).where(
            Identity.kind == other, Identity.value == number, Identity.assurance != Assurance.CLAIMED
        )
        given: Mapping[str, Any] = {"name": incoming.name, "locale": locale_of(incoming.number)}
        addresses = {kind: number}
        if (await session.exec(twin)).first() is not None:
            given, addresses = {}, {kind: number, other: number}
        customer = await customers.resolve(session, addresses, assurance=Assurance.CHANNEL, **given)
    # Two first messages at once wait here for each other, and so share a conversation. Not on the customer's
    # row: whoever writes a reply locks that after the conversation, and the two would wait in a circle.
    theirs = select(Identity.id).where(Identity.customer_id == customer.id)
    await session.exec(theirs.order_by(Identity.id).with_for_update())
    return customer


async def _conversation(
    session: Session, recuerda: Recuerda, customer: Customer, incoming: Incoming
) -> Conversation:
    query = (
        select(Conversation)
        .where(
            Conversation.customer_id == customer.id,
            Conversation.channel == incoming.channel,
            col(Conversation.status) != ConversationStatus.RESOLVED,
            col(Conversation.last_message_at) >= now() - CONTINUED_FOR,
            # A customer may have several numbers; one that we began belongs to none of them yet.
            sa.or_(
                col(Conversation.external_id).is_(None),
                col(Conversation.external_id).startswith(thread_id(incoming.address, ""), autoescape=True),
            ),
        )
        .order_by(col(Conversation.last_message_at).desc())
        .limit(1)
    )
    if found := (await session.exec(query)).first():
        return found
    conversation = await conversations.open_conversation(
        session,
        customer,
        channel=incoming.channel,
        locale=None,
        default_language=recuerda.settings.default_language,
    )
    conversation.external_id = thread_id(incoming.address, incoming.sid)
    return conversation


async def _ask_for_text(session: Session, conversation: Conversation, incoming: Incoming) -> None:
    """Nothing to read: the message is kept as its marks, and the reply asks for words."""
    message = _message(conversation, Author.CUSTOMER, incoming.marks or _NOTHING)
    message.external_id = incoming.sid
    conversation = await conversations.append(session, message)
    if conversation.status is ConversationStatus.BOT:
        reply = _message(conversation, Author.ASSISTANT, ASK_FOR_TEXT[from_locale(message.language) or "en"])
        reply.language, reply.reply_to = message.language, message.id
        await conversations.append(session, reply)


def _message(conversation: Conversation, author: Author, text: str) -> Message:
    return Message(
        conversation_id=conversation.id,
        customer_id=conversation.customer_id,
        position=-1,
        author=author,
        text=text,
    )
