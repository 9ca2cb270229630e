"""Why we say we know something: a fact's words, its history, what it replaced, and the replies it served."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from sqlmodel import col, select

from recuerda.db import Session
from recuerda.facts import profile
from recuerda.facts.profile import FactView
from recuerda.models import Author, Fact, Message

# Actors of a fact's history who are nobody's name.
OURS = frozenset({"extractor", "assistant", "customer"})


class EventView(BaseModel):
    """One thing that happened to a fact. `before` is what it was until then, when that changed."""

    at: datetime
    action: str
    actor: str
    reason: str | None
    before: dict[str, Any] | None


class UseView(BaseModel):
    """A reply that rested on the fact."""

    message_id: str
    conversation_id: str
    at: datetime


class FactStory(FactView):
    history: list[EventView]  # oldest first
    replaces: list[str]  # ids of the facts it superseded
    used_in: list[UseView]  # newest first, 50 at most


async def story(session: Session, fact: Fact) -> FactStory:
    [view] = await profile.view(session, [fact])
    events = await profile.history(session, fact.id)
    return FactStory(
        **view.model_dump(),
        history=[EventView.model_validate(event, from_attributes=True) for event in events],
        replaces=[old.id for old in await replaced_by(session, fact)],
        used_in=[
            UseView(message_id=reply.id, conversation_id=reply.conversation_id, at=reply.at)
            for reply in await replies_using(session, fact)
        ],
    )


async def replaced_by(session: Session, fact: Fact) -> list[Fact]:
    older = select(Fact).where(Fact.superseded_by == fact.id).order_by(col(Fact.id))
    return list((await session.exec(older)).all())


async def replies_using(session: Session, fact: Fact, *, limit: int = 50) -> list[Message]:
    """Replies whose receipt names the fact, newest first."""
    query = select(Message).where(
        Message.customer_id == fact.customer_id,
        Message.author == Author.ASSISTANT,
        sa.cast(col(Message.receipt), sa.Text).contains(fact.id, autoescape=True),
    )
    found = (await session.exec(query.order_by(col(Message.at).desc()).limit(2 * limit))).all()
    return [reply for reply in found if fact.id in (reply.receipt or {}).get("facts", [])][:limit]
