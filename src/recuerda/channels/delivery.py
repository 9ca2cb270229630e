"""Sending the messages of channels that we push to: the `deliver` job.

A message is marked `sending` and committed before Twilio is called. Found in that state, it may or may not
have gone out when the process died, so Twilio is asked first and only what is missing is sent.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.channels.provider import Refused, Twilio
from recuerda.channels.texts import plain, split
from recuerda.db import Database, Session
from recuerda.models import (
    Assurance,
    Author,
    Conversation,
    Delivery,
    Identity,
    IdentityKind,
    Message,
)
from recuerda.work import Write

log = logging.getLogger(__name__)

KINDS = {"sms": IdentityKind.PHONE, "whatsapp": IdentityKind.WHATSAPP}
_SKEW = timedelta(minutes=2)  # between Twilio's clock and ours
_OPEN = (Delivery.QUEUED, Delivery.SENDING, Delivery.FAILED)  # failed: somebody asked to try again


@dataclass(frozen=True, slots=True)
class _Outgoing:
    message_id: str
    address: str
    parts: list[str]
    at: datetime
    unsure: bool  # an earlier try may have sent it
    others: frozenset[str]  # Sids of the customer's other messages


class Deliverer:
    """`twilio` is None when it is not configured: then nothing can be sent and messages fail."""

    def __init__(self, db: Database, twilio: Twilio | None, public_url: str = "") -> None:
        self._db = db
        self._twilio = twilio
        self._public_url = public_url

    async def deliver(self, payload: Mapping[str, Any]) -> Write | None:
        message_id = payload["message_id"]
        async with self._db.write() as session:
            message = await session.get(Message, message_id)
            if message is None or message.delivery not in _OPEN:
                return None  # erased, or sent already
            outgoing = await self._outgoing(session, message)
            message.delivery = Delivery.SENDING
        if self._twilio is None or outgoing is None:
            missing = "address" if self._twilio else "Twilio account"
            log.warning("message %s cannot be sent: no %s is known", message_id, missing)
            return _mark(message_id, Delivery.FAILED)
        try:
            sids = await self._send(self._twilio, outgoing)
        except Refused as error:
            log.warning("Twilio refused message %s: %s", message_id, error)
            return _mark(message_id, Delivery.FAILED)
        return _mark(message_id, Delivery.SENT, sids)

    def give_up(self, payload: Mapping[str, Any]) -> Write:
        """For a job that failed too often."""
        return _mark(payload["message_id"], Delivery.FAILED)

    async def _outgoing(self, session: Session, message: Message) -> _Outgoing | None:
        conversation = await session.get_one(Conversation, message.conversation_id)
        address = await _address(session, conversation)
        if address is None:
            return None
        query = select(Message.external_id).where(
            Message.customer_id == message.customer_id,
            col(Message.author) != Author.CUSTOMER,
            col(Message.external_id).is_not(None),
            col(Message.at) >= message.at - timedelta(days=1),
            col(Message.id) != message.id,
        )
        sids = (await session.exec(query)).all()
        return _Outgoing(
            message.id,
            address,
            split(plain(message.text, conversation.channel, self._public_url)),
            message.at,
            message.delivery is not Delivery.QUEUED,
            frozenset(sid for joined in sids for sid in (joined or "").split()),
        )

    async def _send(self, twilio: Twilio, outgoing: _Outgoing) -> list[str]:
        gone = []
        if outgoing.unsure:
            found = await twilio.sent_since(outgoing.address, outgoing.at - _SKEW)
            gone = [sent for sent in found if sent.sid not in outgoing.others]
        sids = []
        for part in outgoing.parts:
            match = next((sent for sent in gone if _same(sent.body, part)), None)
            if match is not None:
                gone.remove(match)  # two equal parts are two messages
            sids.append(match.sid if match else await twilio.send(outgoing.address, part))
        return sids


def _same(one: str, other: str) -> bool:
    return one.split() == other.split()  # Twilio trims white space


def _mark(message_id: str, delivery: Delivery, sids: list[str] | None = None) -> Write:
    values: dict[str, Any] = {"delivery": delivery}
    if sids:
        values["external_id"] = " ".join(sids)  # several when the text went in parts

    async def write(session: Session) -> None:
        await session.exec(sa.update(Message).where(col(Message.id) == message_id).values(**values))

    return write


def thread_id(address: str, sid: str) -> str:
    """The `external_id` of a conversation that a message opened: the address, kept as the channel has it
    (its spelling of a number may differ from ours), and what makes it unique."""
    return f"{address} {sid}"


async def _address(session: Session, conversation: Conversation) -> str | None:
    """Where the conversation came from; one that we began goes to the customer's number."""
    address, _, sid = (conversation.external_id or "").partition(" ")
    if sid:
        return address
    kind = KINDS.get(conversation.channel)
    query = (
        select(Identity).where(Identity.customer_id == conversation.customer_id).order_by(col(Identity.id))
    )
    known = [i for i in (await session.exec(query)).all() if i.kind is kind]
    known.sort(key=lambda i: i.assurance is not Assurance.CHANNEL)  # what the channel has proved comes first
    if not known:
        return None
    number = known[0].value
    return f"whatsapp:{number}" if conversation.channel == "whatsapp" else number
