"""What waits for an agent."""

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from recuerda.app import Recuerda
from recuerda.models import (
    CURRENT,
    Conversation,
    ConversationStatus,
    DataRequest,
    Fact,
    Job,
    JobState,
    RequestStatus,
    Review,
    not_done,
    now,
)


def for_review(*, sure: bool = False) -> tuple[sa.ColumnElement[bool], ...]:
    """What makes a fact wait for a reviewer: it may be used, or will be, and nobody has judged it.

    With `sure`, also those that need no review, for whoever wants to see everything that was heard.
    """
    return (
        col(Fact.review) != Review.DONE if sure else col(Fact.review) == Review.NEEDED,
        col(Fact.status).in_(CURRENT),
        sa.or_(col(Fact.expires_at).is_(None), col(Fact.expires_at) > now()),
    )


async def counts(recuerda: Recuerda) -> dict[str, int]:
    """What waits for somebody, shown in the navigation."""
    tables: dict[str, tuple[type[SQLModel], tuple[sa.ColumnElement[bool], ...]]] = {
        "review": (Fact, for_review()),
        "conversations": (Conversation, (col(Conversation.status) == ConversationStatus.WAITING,)),
        "requests": (DataRequest, (col(DataRequest.status) == RequestStatus.OPEN,)),
        "jobs": (Job, (not_done(), col(Job.state) == JobState.DEAD)),
    }
    async with recuerda.db.read() as session:
        return {
            name: (await session.exec(select(sa.func.count()).select_from(table).where(*which))).one()
            for name, (table, which) in tables.items()
        }
