"""Whether what a customer says is remembered: the switch of one conversation, and that of the customer.

Off for a conversation: nothing of it is learnt, recalled or shown as evidence, and what it had taught is
forgotten. Off for a customer: nothing new is learnt in any; what is known stays until they have it forgotten.
"""

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda import reviews
from recuerda.db import Session
from recuerda.memory.writing import touch
from recuerda.models import CURRENT, Conversation, Customer, Evidence, Fact, Memory, Message
from recuerda.turns.indexing import enqueue_unindex
from recuerda.turns.learn import enqueue_learn

OFF_RECORD = "conversation not to be remembered"


async def forget_conversation(session: Session, conversation_id: str, *, actor: str) -> list[str]:
    """From now on nothing of it is remembered; returns the ids of the facts it had taught, forgotten now."""
    conversation = await _locked(session, conversation_id)
    conversation.remember = False
    taught = await _taught_only_here(session, conversation_id)
    for fact_id in taught:
        await reviews.decide(session, fact_id, "forget", actor=actor, reason=OFF_RECORD)
    here = select(Memory.id).where(Memory.conversation_id == conversation_id)
    ids = list((await session.exec(here)).all())
    if ids:
        await session.exec(sa.delete(Memory).where(col(Memory.conversation_id) == conversation_id))
        await touch(session, conversation.customer_id)
        await enqueue_unindex(session, conversation.customer_id, ids, conversation_id)
    return taught


async def remember_conversation(session: Session, conversation_id: str, facts: list[str]) -> None:
    """Undo of the above: `facts` are known again, and the conversation's messages are learnt from anew."""
    conversation = await _locked(session, conversation_id)
    conversation.remember = True
    await reviews.restore(session, conversation.customer_id, facts, actor="customer")
    said = select(Message).where(Message.conversation_id == conversation_id).order_by(col(Message.position))
    for message in (await session.exec(said)).all():
        await enqueue_learn(session, message)


async def switch(session: Session, customer_id: str, *, on: bool) -> None:
    """The customer's own switch, for every conversation."""
    customer = await session.get_one(Customer, customer_id, with_for_update=True)
    customer.remember = on


async def _locked(session: Session, conversation_id: str) -> Conversation:
    conversation = await session.get_one(Conversation, conversation_id, populate_existing=True)
    await session.exec(select(Customer.id).where(Customer.id == conversation.customer_id).with_for_update())
    return conversation


async def _taught_only_here(session: Session, conversation_id: str) -> list[str]:
    """Current facts that no other conversation, remembered itself, gives evidence for."""
    here = select(Evidence.fact_id).where(Evidence.conversation_id == conversation_id)
    elsewhere = (
        select(Evidence.fact_id)
        .join(Conversation, col(Conversation.id) == col(Evidence.conversation_id))
        .where(Evidence.conversation_id != conversation_id, col(Conversation.remember))
    )
    query = select(Fact.id).where(
        col(Fact.id).in_(here), col(Fact.id).not_in(elsewhere), col(Fact.status).in_(CURRENT)
    )
    return list((await session.exec(query.order_by(col(Fact.id)))).all())
