"""Blacking words out of what was said, keeping their length: what other evidence quotes stays in place."""

import re
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from recuerda.db import Session
from recuerda.models import (
    CURRENT,
    Consent,
    Conversation,
    Evidence,
    Fact,
    FactEvent,
    Memory,
    Message,
)

BLACK = "█"
_SHORTEST = 3  # shorter words stand in too many messages to mean the same

Span = tuple[int, int]


def black_out(text: str, spans: Iterable[Span], keep: Iterable[Span] = ()) -> str:
    """`text` with these spans black, except where they meet one to keep; its length is the same."""
    doomed = {i for start, end in spans for i in range(start, end)}
    doomed -= {i for start, end in keep for i in range(start, end)}
    return "".join(BLACK if i in doomed and not c.isspace() else c for i, c in enumerate(text))


def is_reduced() -> sa.ColumnElement[bool]:
    """Whether only the words of facts are left of a conversation: no message of anybody else's, and no
    memory. What is left is evidence, so it cannot shrink further."""
    other = aliased(Message)
    quoted = sa.exists().where(col(Evidence.message_id) == col(other.id))
    return sa.and_(
        sa.exists().where(col(Message.conversation_id) == col(Conversation.id)),
        ~sa.exists().where(col(other.conversation_id) == col(Conversation.id), ~quoted),
        ~sa.exists().where(col(Memory.conversation_id) == col(Conversation.id)),
    )


async def reduce(session: Session, conversation: Conversation) -> None:
    """Leave of a conversation only the words of facts still in use; all of it goes when there are none."""
    here = col(Message.conversation_id) == conversation.id
    await session.exec(sa.delete(Memory).where(col(Memory.conversation_id) == conversation.id))
    await _drop_past_evidence(session, conversation.id)
    kept = await _quoted(session, conversation.id)
    gone = sa.and_(here, col(Message.id).not_in(kept))
    await session.exec(
        sa.update(Consent)
        .where(col(Consent.message_id).in_(select(Message.id).where(gone)))
        .values(message_id=None)
    )
    await session.exec(sa.update(Message).where(here).values(reply_to=None))
    await session.exec(sa.delete(Message).where(gone))
    for message in (await session.exec(select(Message).where(here))).all():
        message.text = black_out(message.text, [(0, len(message.text))], kept[message.id])
        message.receipt = None
    conversation.rating_comment = None
    if not kept:
        await session.flush()
        await session.delete(conversation)
    await session.flush()


async def _quoted(session: Session, conversation_id: str) -> dict[str, list[Span]]:
    """Where the conversation's messages are quoted as evidence: message id -> spans."""
    query = select(Evidence.message_id, Evidence.start, Evidence.end).where(
        Evidence.conversation_id == conversation_id
    )
    spans: dict[str, list[Span]] = {}
    for message_id, start, end in (await session.exec(query)).all():
        spans.setdefault(message_id, []).append((start, end))
    return spans


async def _drop_past_evidence(session: Session, conversation_id: str) -> None:
    """Facts said here that are no longer in use lose their words now, and so go themselves."""
    query = (
        select(Fact)
        .join(Evidence, col(Evidence.fact_id) == col(Fact.id))
        .where(Evidence.conversation_id == conversation_id, col(Fact.status).not_in(CURRENT))
    )
    past = list({fact.id for fact in (await session.exec(query)).all()})
    await delete_facts(session, past)


async def delete_facts(session: Session, ids: Sequence[str]) -> None:
    """Facts with their events and evidence."""
    await session.flush()
    await session.exec(sa.update(Fact).where(col(Fact.superseded_by).in_(ids)).values(superseded_by=None))
    for table in (FactEvent, Evidence):
        await session.exec(sa.delete(table).where(col(table.fact_id).in_(ids)))
    await session.exec(sa.delete(Fact).where(col(Fact.id).in_(ids)))


async def words_of(session: Session, fact: Fact) -> None:
    """Black out a forgotten fact's words wherever they stand in the customer's messages, except where
    another fact in use quotes them. Replies that answered or used it go black whole, and the memories of
    all these messages go."""
    said = (await session.exec(select(Evidence).where(Evidence.fact_id == fact.id))).all()
    words = {evidence.quote for evidence in said} | {fact.statement}
    patterns = [re.compile(re.escape(text), re.IGNORECASE) for text in words if len(text) >= _SHORTEST]
    own: dict[str, list[Span]] = {}
    for evidence in said:
        own.setdefault(evidence.message_id, []).append((evidence.start, evidence.end))
    messages = (await session.exec(select(Message).where(Message.customer_id == fact.customer_id))).all()
    keep = await _in_use(session, [message.id for message in messages], fact.id)
    for message in messages:
        spans = own.get(message.id, []) + [m.span() for p in patterns for m in p.finditer(message.text)]
        used = (message.receipt or {}).get("facts", [])
        if message.reply_to in own or fact.id in used:  # a reply may say it in other words
            spans.append((0, len(message.text)))
        if spans:
            message.text = black_out(message.text, spans, keep.get(message.id, ()))
            await session.exec(
                sa.delete(Memory).where(
                    col(Memory.customer_id) == fact.customer_id, col(Memory.external_id) == message.id
                )
            )
    await session.flush()


async def _in_use(session: Session, message_ids: Sequence[str], but: str) -> dict[str, list[Span]]:
    """Spans quoted by facts other than `but`: the database holds their quotes to the message's words."""
    query = select(Evidence.message_id, Evidence.start, Evidence.end).where(
        col(Evidence.message_id).in_(message_ids), Evidence.fact_id != but
    )
    spans: dict[str, list[Span]] = {}
    for message_id, start, end in (await session.exec(query)).all():
        spans.setdefault(message_id, []).append((start, end))
    return spans
