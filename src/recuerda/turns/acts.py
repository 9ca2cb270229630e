"""What the customer asked for besides words, done in the reply's own transaction: once said, it holds."""

from recuerda import conversations, reviews
from recuerda.db import Session
from recuerda.facts import profile, record
from recuerda.models import Conversation, Message, Source
from recuerda.turns import Used, asking, remembering

CUSTOMER = "customer"


async def act(session: Session, message: Message, used: Used) -> None:
    """Does what `used.intent` says; `used.forget` then names every fact that was forgotten."""
    match used.intent:
        case "handoff":
            await conversations.hand_off(session, message.conversation_id)
        case "forget":
            await _forget(session, message, used)
        case "undo":
            await _undo(session, message)
        case "off_record":
            used.forget = await remembering.forget_conversation(
                session, message.conversation_id, actor=CUSTOMER
            )
        case "stop_memory":
            await remembering.switch(session, message.customer_id, on=False)
        case "resume_memory":
            await remembering.switch(session, message.customer_id, on=True)
            conversation = await session.get_one(Conversation, message.conversation_id)
            conversation.remember = True
        case "agree" | "refuse" | "renew" | "keep":
            await _answer(session, message, used)
    if used.ask:
        await asking.note(session, used.ask)


async def _forget(session: Session, message: Message, used: Used) -> None:
    if used.forget_all:
        current = await profile.current(session, message.customer_id, proposed=True)
        used.forget = [fact.id for fact in current]
    for fact_id in used.forget:
        await reviews.decide(session, fact_id, "forget", actor=CUSTOMER, owner=message.customer_id)


async def _undo(session: Session, message: Message) -> None:
    last = await conversations.last_act(session, message)
    if last is None:
        return
    forgot = list(last.get("forgot") or [])
    match last["act"]:
        case "off_record":
            await remembering.remember_conversation(session, message.conversation_id, forgot)
        case "stop_memory":
            await remembering.switch(session, message.customer_id, on=True)
        case _:
            await reviews.restore(session, message.customer_id, forgot, actor=CUSTOMER)


async def _answer(session: Session, message: Message, used: Used) -> None:
    """A yes or no to what our last reply asked."""
    asked = await asking.pending(session, message)
    if asked is None:
        return
    if used.intent in ("agree", "refuse"):
        given = used.intent == "agree"
        decided = await asking.settle(session, message, asked, given=given)
        used.forget = [] if given else decided
        return
    for fact in await asking.facts_of(session, asked):
        if used.intent == "keep":
            await reviews.decide(session, fact.id, "confirm", actor=CUSTOMER, reason=asked.about)
        elif used.statement and asked.value:
            newer = await record.state(
                session,
                message.customer_id,
                category=fact.category,
                statement=used.statement,
                language=message.language,
                source=Source.CUSTOMER,
                actor=CUSTOMER,
                attribute=fact.attribute,
                value=asked.value,
                subject=fact.subject,
                sensitivity=fact.sensitivity,
                single=fact.single,
            )
            newer.purposes = list(fact.purposes)
