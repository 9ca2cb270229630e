"""The one thing a reply may ask about what is remembered, and the customer's yes or no right after it.

A question is about facts by id, or about what a message is yet to teach: it is asked in the reply to that
message, before or after the facts are written, and even its answer may come first.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import consent, conversations, reviews
from recuerda.db import Session, Statement, fetch, run
from recuerda.facts import history
from recuerda.models import Author, Evidence, Fact, FactEvent, FactStatus, Message, Purpose, Sensitivity
from recuerda.turns import Asked

ASKED = "asked"  # the event of a fact's history
ASSISTANT = "assistant"
CONSENT = "consent"
REFUSED = "consent refused"


def to_receipt(asked: Asked) -> dict[str, Any]:
    return {"kind": asked.kind, "facts": list(asked.facts), "message": asked.message, "value": asked.value}


def from_receipt(receipt: dict[str, Any] | None) -> Asked | None:
    said = (receipt or {}).get("asked")
    if said is None:
        return None
    return Asked(said["kind"], tuple(said["facts"]), said["message"], said["value"])


async def pending(session: Session, message: Message) -> Asked | None:
    """What `message` may be the answer to."""
    return put(await conversations.earlier(session, message, limit=1))


def put(said: Sequence[Message]) -> Asked | None:
    """The question of what was said last, if that was ours."""
    return from_receipt(said[-1].receipt) if said and said[-1].author is Author.ASSISTANT else None


async def asked_before(session: Session, fact_ids: Sequence[str]) -> set[tuple[str, str | None]]:
    """(fact, what about it) of every question put so far; each is put once."""
    if not fact_ids:
        return set()
    return {(fact, about) for fact, about in await run(session, _ASKED_BEFORE, {"facts": fact_ids})}


async def note(session: Session, asked: Asked) -> None:
    for fact in await facts_of(session, asked):
        history.note(session, fact, ASKED, ASSISTANT, reason=asked.about)


async def facts_of(session: Session, asked: Asked) -> list[Fact]:
    """The facts a question is about that can still be decided; of a consent, those that await it."""
    ids = (
        select(Evidence.fact_id).where(Evidence.message_id == asked.message) if asked.message else asked.facts
    )
    query = select(Fact).where(col(Fact.id).in_(ids))
    if asked.kind == "consent":
        query = query.where(Fact.sensitivity == Sensitivity.SPECIAL, Fact.status == FactStatus.PROPOSED)
    else:
        query = query.where(Fact.status == FactStatus.ACTIVE)
    return list((await session.exec(query.order_by(col(Fact.id)))).all())


async def settle(session: Session, answer: Message, asked: Asked, *, given: bool) -> list[str]:
    """The customer's word, said in `answer`, on what awaited it; returns the ids of the facts."""
    decided = []
    for fact in await facts_of(session, asked):
        await reviews.decide(
            session,
            fact.id,
            "confirm" if given else "forget",
            actor="customer",
            owner=answer.customer_id,
            reason=CONSENT if given else REFUSED,
        )
        decided.append(fact.id)
    if given and decided:
        await consent.give(
            session,
            answer.customer_id,
            Purpose.SPECIAL,
            how="chat",
            actor="customer",
            message_id=answer.id,
        )
    return decided


async def catch_up(session: Session, message: Message) -> None:
    """After `message` taught its facts: the reply to it may have asked about them, and been answered."""
    found = await fetch(session, Message, _REPLY, {"message": message.id})
    asked = from_receipt(found[0].receipt) if found else None
    if asked is None or asked.message != message.id:
        return
    noted = await asked_before(session, [fact.id for fact in await facts_of(session, asked)])
    if not noted:
        await note(session, asked)
    later = select(Message).where(
        Message.conversation_id == message.conversation_id,
        Message.author == Author.ASSISTANT,
        col(Message.position) > found[0].position,
    )
    answer = (await session.exec(later.order_by(col(Message.position)).limit(1))).first()
    if answer and (act := (answer.receipt or {}).get("act")) in ("agree", "refuse"):
        said = await session.get_one(Message, answer.reply_to)
        await settle(session, said, asked, given=act == "agree")


def put_to(customer_id: str) -> Statement:
    """`asked_before` of all facts of a customer."""
    return _PUT_TO, {"customer": customer_id}


# Made once: every turn says these.
_ASKED_BEFORE = select(FactEvent.fact_id, FactEvent.reason).where(
    col(FactEvent.fact_id).in_(sa.bindparam("facts", expanding=True)), col(FactEvent.action) == ASKED
)
_PUT_TO = (
    select(FactEvent.fact_id, FactEvent.reason)
    .join(Fact, col(Fact.id) == col(FactEvent.fact_id))
    .where(col(Fact.customer_id) == sa.bindparam("customer"), col(FactEvent.action) == ASKED)
)
_REPLY = select(Message).where(col(Message.reply_to) == sa.bindparam("message"))
