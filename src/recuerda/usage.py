"""Tokens and cost: written down per call, summed per conversation."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import select

from recuerda.db import Session
from recuerda.meter import Usage
from recuerda.models import Message, ModelCall
from recuerda.settings import Settings


@dataclass(frozen=True, slots=True)
class Spent:
    """`cost` is None when a call's price was not known; `estimated` when a server did not count for us."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    estimated: bool


def cost_of(usage: Usage, settings: Settings) -> float | None:
    """In the currency of the prices; None when they are not set."""
    if settings.llm_input_price is None or settings.llm_output_price is None:
        return None
    paid = usage.input_tokens * settings.llm_input_price + usage.output_tokens * settings.llm_output_price
    return paid / 1_000_000


def record(session: Session, message: Message, calls: Iterable[Usage], settings: Settings) -> None:
    """The calls made for a customer's message, in the caller's transaction."""
    for usage in calls:
        session.add(
            ModelCall(
                customer_id=message.customer_id,
                conversation_id=message.conversation_id,
                message_id=message.id,
                purpose=usage.purpose,
                model=usage.model,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                estimated=usage.estimated,
                seconds=round(usage.seconds, 3),
                cost=cost_of(usage, settings),
            )
        )


async def of_conversation(session: Session, conversation_id: str) -> Spent | None:
    """None when no model was called for it."""
    query = select(ModelCall).where(ModelCall.conversation_id == conversation_id)
    calls = (await session.exec(query)).all()
    if not calls:
        return None
    costs = [call.cost for call in calls if call.cost is not None]
    return Spent(
        len(calls),
        sum(call.input_tokens for call in calls),
        sum(call.output_tokens for call in calls),
        sum(costs) if len(costs) == len(calls) else None,
        any(call.estimated for call in calls),
    )
