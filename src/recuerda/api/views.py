"""From rows to what the API shows."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import col

from recuerda.api.schemas import (
    Because,
    ConversationView,
    CustomerView,
    IdentityView,
    MessageView,
    Receipt,
    ReplyView,
)
from recuerda.customers import identities
from recuerda.db import Session, run
from recuerda.models import CURRENT, Conversation, Customer, Evidence, Fact, Message, Sensitivity
from recuerda.work import is_settled


async def conversation_view(session: Session, conversation: Conversation) -> ConversationView:
    settled = await is_settled(session, conversation.id)
    return ConversationView(
        **conversation.model_dump(
            include={
                "id",
                "customer_id",
                "channel",
                "status",
                "remember",
                "locale",
                "language",
                "rating",
                "created_at",
                "last_message_at",
            }
        ),
        memory="settled" if settled else "pending",
    )


async def customer_view(session: Session, customer: Customer) -> CustomerView:
    return CustomerView(
        id=customer.id,
        name=customer.name,
        locale=customer.locale,
        remember=customer.remember,
        created_at=customer.created_at,
        identities=[
            IdentityView(kind=i.kind, value=i.value, assurance=i.assurance)
            for i in await identities(session, customer.id)
        ],
    )


async def message_views(session: Session, messages: Sequence[Message]) -> list[MessageView]:
    return [
        MessageView(
            **message.model_dump(
                include={
                    "id",
                    "conversation_id",
                    "author",
                    "text",
                    "language",
                    "at",
                    "reply_to",
                    "engine",
                    "delivery",
                }
            ),
            receipt=await _receipt(session, message),
        )
        for message in messages
    ]


async def reply_view(session: Session, reply: Message) -> ReplyView:
    return ReplyView(
        id=reply.id,
        text=reply.text,
        language=reply.language,
        at=reply.at,
        receipt=await _receipt(session, reply) or Receipt(),
        engine=reply.engine or "",
    )


async def _receipt(session: Session, message: Message) -> Receipt | None:
    if message.receipt is None:
        return None
    receipt = Receipt(**message.receipt)
    receipt.because = await _because(session, message.customer_id, receipt.facts)
    return receipt


async def _because(session: Session, customer_id: str, fact_ids: list[str]) -> list[Because]:
    """The words behind the facts, looked up now: what was forgotten since is not shown again."""
    if not fact_ids:
        return []
    rows = {
        fact_id: Because(
            fact_id=fact_id,
            statement=statement,
            quote=quote,
            at=said_at or valid_from,
            special=sensitivity is Sensitivity.SPECIAL,
        )
        for fact_id, statement, quote, said_at, valid_from, sensitivity in await run(
            session, _BECAUSE, {"facts": fact_ids, "customer": customer_id}
        )
    }
    return [rows[fact_id] for fact_id in fact_ids if fact_id in rows]


_BECAUSE = (  # made once: every turn says it
    sa.select(
        col(Fact.id),
        col(Fact.statement),
        col(Evidence.quote),
        col(Evidence.at),
        col(Fact.valid_from),
        col(Fact.sensitivity),
    )
    .join(Evidence, col(Evidence.id) == col(Fact.evidence_id), isouter=True)
    .where(
        col(Fact.id).in_(sa.bindparam("facts", expanding=True)),
        col(Fact.customer_id) == sa.bindparam("customer"),
        col(Fact.status).in_(CURRENT),
    )
)
