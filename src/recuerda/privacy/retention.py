"""What is old goes by itself: once a night, the same way an erasure does it.

A conversation goes with its messages and the memories of them. Where a fact still in use was said in it,
the words of that fact stay, and everything around them is blacked out: what is known can still be shown
to have been said. A forgotten fact can be brought back for a while; then its words are blacked out
wherever they stand in that customer's messages.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Database, Session
from recuerda.memory import Memories
from recuerda.memory.writing import touch
from recuerda.models import (
    AgentSession,
    AuditEntry,
    Conversation,
    Customer,
    DataRequest,
    Erasure,
    Fact,
    FactEvent,
    FactStatus,
    IdempotencyKey,
    Job,
    JobState,
    Memory,
    RequestStatus,
    now,
)
from recuerda.privacy import blackout
from recuerda.privacy.erasure import delete_rows
from recuerda.privacy.owned import holding_words
from recuerda.privacy.scrub import scrub
from recuerda.settings import Settings
from recuerda.work import Recurrence, Write

NIGHTLY = Recurrence("purge", at=timedelta(hours=7))  # UTC: two to four in the morning, south of Texas
_BATCH = 200
_PAST = (FactStatus.SUPERSEDED, FactStatus.REJECTED, FactStatus.EXPIRED)


class Purger:
    """Handles the nightly `purge` job. Each batch is a transaction: begun again, it goes on from there."""

    def __init__(self, db: Database, memories: Memories, settings: Settings) -> None:
        self._db = db
        self._memories = memories
        self._settings = settings

    async def purge(self, _: Mapping[str, Any]) -> Write | None:
        await self.run(now())
        return None

    async def run(self, moment: datetime) -> dict[str, int]:
        """Purge as of `moment`; how many of what. Raises when files could not be scrubbed: tried again."""
        s, counts, touched = self._settings, dict[str, int](), set[str]()
        for name, days, step in (
            ("conversations", s.retain_conversations, _conversations),
            ("memories", s.retain_memories, _memories),
            ("forgotten", s.retain_forgotten, _forgotten),
            ("facts", s.retain_past_facts, _past_facts),
            ("customers", s.retain_conversations, _customers),
        ):
            counts[name] = 0
            while days:
                async with self._db.write() as session:
                    gone, whose = await step(session, moment - timedelta(days=days))
                    await touch(session, *whose)
                counts[name] += gone
                touched |= whose
                if gone < _BATCH:
                    break
        async with self._db.write() as session:
            counts |= await _records(session, moment, s)
        if touched:
            await self._memories.forget(*sorted(touched))
        if any(counts.values()):
            await scrub(self._db, holding_words())
        return counts


async def _conversations(session: Session, before: datetime) -> tuple[int, set[str]]:
    """Old conversations; those that were reduced already are left alone."""
    query = (
        select(Conversation)
        .where(col(Conversation.last_message_at) < before, ~blackout.is_reduced())
        .order_by(col(Conversation.last_message_at))
        .limit(_BATCH)
    )
    found = (await session.exec(query)).all()
    for conversation in found:
        await blackout.reduce(session, conversation)
    return len(found), {conversation.customer_id for conversation in found}


async def _memories(session: Session, before: datetime) -> tuple[int, set[str]]:
    query = (
        select(Memory.id, Memory.customer_id)
        .where(col(Memory.at) < before, col(Memory.kind) != "turn")  # turns go with their conversation
        .limit(_BATCH)
    )
    found = (await session.exec(query)).all()
    await session.exec(sa.delete(Memory).where(col(Memory.id).in_([id for id, _ in found])))
    return len(found), {customer_id for _, customer_id in found}


async def _forgotten(session: Session, before: datetime) -> tuple[int, set[str]]:
    facts = await _ended(session, (FactStatus.FORGOTTEN,), before)
    for fact in facts:
        await blackout.words_of(session, fact)
    await blackout.delete_facts(session, [fact.id for fact in facts])
    return len(facts), {fact.customer_id for fact in facts}


async def _past_facts(session: Session, before: datetime) -> tuple[int, set[str]]:
    facts = await _ended(session, _PAST, before)
    await blackout.delete_facts(session, [fact.id for fact in facts])
    return len(facts), set()


async def _ended(session: Session, statuses: Sequence[FactStatus], before: datetime) -> list[Fact]:
    """Facts whose last event, or whose end, is that long ago. Expiry itself leaves no event."""
    last = sa.select(sa.func.max(col(FactEvent.at))).where(col(FactEvent.fact_id) == col(Fact.id))
    ended: sa.ColumnElement[bool] = col(Fact.status).in_(statuses)
    if FactStatus.EXPIRED in statuses:
        ended = sa.or_(ended, sa.and_(col(Fact.status) == FactStatus.ACTIVE, col(Fact.expires_at) < before))
    query = select(Fact).where(
        ended,
        sa.func.coalesce(last.scalar_subquery(), col(Fact.created_at)) < before,
        sa.or_(col(Fact.valid_to).is_(None), col(Fact.valid_to) < before),
    )
    return list((await session.exec(query.order_by(col(Fact.id)).limit(_BATCH))).all())


async def _customers(session: Session, before: datetime) -> tuple[int, set[str]]:
    """Customers of whom only an address is left: nothing said, bought or known, nothing asked."""

    def none_of(table: Any, *more: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return ~sa.exists().where(col(table.customer_id) == col(Customer.id), *more)

    merged = sa.orm.aliased(Customer)
    query = (
        select(Customer.id)
        .where(
            col(Customer.created_at) < before,
            col(Customer.merged_into).is_(None),
            ~sa.exists().where(col(merged.merged_into) == col(Customer.id)),
            *(none_of(table) for table in (Conversation, Memory, Fact)),
            none_of(DataRequest, col(DataRequest.status) == RequestStatus.OPEN),
        )
        .limit(_BATCH)
    )
    ids = list((await session.exec(query)).all())
    if ids:
        await delete_rows(session, ids)
    return len(ids), set(ids)


async def _records(session: Session, moment: datetime, settings: Settings) -> dict[str, int]:
    """What is about customers only by id: small rows, gone in one go."""

    def before(days: int) -> datetime:
        return moment - timedelta(days=days)

    s = settings
    doomed: list[tuple[Any, int, tuple[sa.ColumnElement[bool], ...]]] = [
        (AuditEntry, s.retain_audit, (col(AuditEntry.at) < before(s.retain_audit),)),
        (
            DataRequest,
            s.retain_requests,
            (col(DataRequest.done_at) < before(s.retain_requests),),
        ),
        (Erasure, s.retain_requests, (col(Erasure.done_at) < before(s.retain_requests),)),
        (IdempotencyKey, s.retain_work, (col(IdempotencyKey.created_at) < before(s.retain_work),)),
        (Job, s.retain_work, (col(Job.state) == JobState.DONE, col(Job.run_at) < before(s.retain_work))),
        (
            Job,
            s.retain_failed_work,
            (col(Job.state) == JobState.DEAD, col(Job.run_at) < before(s.retain_failed_work)),
        ),
        (AgentSession, 1, (col(AgentSession.expires_at) < moment,)),
    ]
    counts: dict[str, int] = {}
    for table, days, which in doomed:
        if days:
            gone = (await session.exec(sa.delete(table).where(*which))).rowcount
            counts[table.__tablename__] = counts.get(table.__tablename__, 0) + gone
    return counts
