"""The table of jobs: putting in, taking out, and what becomes of each. Every function is one caller's
transaction."""

import random
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from recuerda.db import Session
from recuerda.models import Job, JobState, WorkerBeat, now
from recuerda.work.explain import WORKER_DIED

LEASE = timedelta(seconds=15)
MAX_FAILURES = 8
MAX_CRASHES = 5
BEAT = timedelta(seconds=10)  # how often a worker says that it is alive
SILENT = 3 * BEAT  # after which it is taken for dead
_UNFINISHED = (JobState.READY, JobState.RUNNING)
_LONGEST_PAUSE = 300.0
_BLIND = {"synchronize_session": False}  # what is written is not in the session, or read no more
_earlier = aliased(Job)
_BUSY = (
    sa.exists()
    .where(
        col(_earlier.lane) == col(Job.lane),
        col(_earlier.id) < col(Job.id),
        col(_earlier.state).in_(_UNFINISHED),
    )
    .correlate(Job)
)
_ID = re.compile(r"[a-z]{2,5}_[0-9a-f]{32}")


class LeaseLost(Exception):
    """Another worker took the job over; what this one made of it is thrown away."""


@dataclass(frozen=True, slots=True)
class Lease:
    job_id: int
    token: str
    attempts: int


async def enqueue(
    session: Session,
    kind: str,
    *,
    lane: str,
    payload: Mapping[str, Any],
    dedupe: str | None = None,
    conversation_id: str | None = None,
    customer_id: str | None = None,
    delay: timedelta = timedelta(0),
) -> int | None:
    """Put a job into the caller's transaction; None when one with the same `dedupe` is waiting already.

    Lock what the lane stands for (the conversation's row) first: ids are allotted before commit. A
    delayed job has a lane of its own, so that nothing waits behind it. The payload holds ids only:
    words in it would outlive what they were said in. Raises ValueError for any other.
    """
    _ids_only(payload)
    if dedupe is not None:
        waiting = (await session.exec(select(Job.id).where(Job.dedupe == dedupe))).first()
        if waiting is not None:
            return None
    job = Job(
        kind=kind,
        lane=f"{lane} later {secrets.token_hex(4)}" if delay else lane,
        payload=dict(payload),
        dedupe=dedupe,
        conversation_id=conversation_id,
        customer_id=customer_id,
        run_at=now() + delay,
    )
    session.add(job)
    await session.flush()
    return job.id


def _ids_only(value: Any) -> None:
    match value:
        case None | bool() | int():
            return
        case str() if _ID.fullmatch(value):
            return
        case list() | tuple():
            for item in value:
                _ids_only(item)
        case Mapping():
            _ids_only(list(value.values()))
        case _:
            raise ValueError("A job's payload holds ids and numbers only.")


async def hold(session: Session, job_id: int) -> Lease | None:
    """Take the job just enqueued for oneself, in the same transaction; None when its lane is busy."""
    token = secrets.token_hex(8)
    taken = sa.update(Job).where(col(Job.id) == job_id, ~_BUSY).values(**_running(token))
    attempts = (await session.exec(taken.returning(col(Job.attempts)), execution_options=_BLIND)).scalar()
    return None if attempts is None else Lease(job_id, token, attempts)


def _running(token: str) -> dict[str, Any]:
    return {
        "state": JobState.RUNNING,
        "attempts": col(Job.attempts) + 1,
        "dedupe": None,  # from here on new work of the same name is new
        "lease_token": token,
        "lease_until": now() + LEASE,
    }


async def ready(session: Session) -> set[str]:
    """The kinds of the jobs that are ready."""
    return set((await session.exec(select(Job.kind).where(*_ready()).distinct())).all())


async def claim(session: Session, kinds: Collection[str], *, limit: int = 1) -> list[tuple[Job, Lease]]:
    """The oldest that are ready, at most one a lane, taken under one token."""
    query = select(Job).where(*_ready(), col(Job.kind).in_(kinds))  # an unknown kind waits for a newer worker
    query = query.order_by(col(Job.id)).limit(limit).with_for_update(skip_locked=True)
    jobs = (await session.exec(query)).all()
    if not jobs:
        return []
    token = secrets.token_hex(8)
    taken = sa.update(Job).where(col(Job.id).in_([job.id for job in jobs])).values(**_running(token))
    await session.exec(taken, execution_options=_BLIND)
    return [(job, Lease(cast(int, job.id), token, job.attempts + 1)) for job in jobs]


def _ready() -> tuple[sa.ColumnElement[bool], ...]:
    """The time has come, and the lane has none before it."""
    return Job.state == JobState.READY, col(Job.run_at) <= now(), ~_BUSY  # type: ignore[return-value]


def _mine(lease: Lease) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Job.id) == lease.job_id,
        col(Job.lease_token) == lease.token,
        col(Job.attempts) == lease.attempts,
    )


async def renew(session: Session, lease: Lease) -> None:
    await session.exec(sa.update(Job).where(*_mine(lease)).values(lease_until=now() + LEASE))


async def done(session: Session, *leases: Lease) -> None:
    """Of one claim. Raises `LeaseLost` when one is another's by now: whoever takes a job over has another
    token."""
    finished = sa.update(Job).where(
        col(Job.id).in_([lease.job_id for lease in leases]),
        col(Job.lease_token) == leases[0].token,
        col(Job.state) == JobState.RUNNING,
    )
    result = await session.exec(
        finished.values(state=JobState.DONE, lease_token=None, lease_until=None, last_error=None),
        execution_options=_BLIND,
    )
    if result.rowcount != len(leases):
        raise LeaseLost


async def give_back(session: Session, lease: Lease) -> None:
    await session.exec(
        sa.update(Job).where(*_mine(lease)).values(state=JobState.READY, lease_token=None, run_at=now())
    )


def pause(attempts: int) -> float:
    """Seconds until the next try: twice as long each time, up to five minutes, never all at once."""
    jitter = random.uniform(0.5, 1.0)  # noqa: S311
    return jitter * min(_LONGEST_PAUSE, 0.5 * float(2**attempts))


async def fail(session: Session, lease: Lease, error: Exception) -> bool:
    """Try again later, or give up after `MAX_FAILURES`: then True."""
    given_up = lease.attempts >= MAX_FAILURES
    await session.exec(
        sa.update(Job)
        .where(*_mine(lease))
        .values(
            state=JobState.DEAD if given_up else JobState.READY,
            lease_token=None,
            run_at=now() + timedelta(seconds=pause(lease.attempts)),
            last_error=type(error).__name__,
        )
    )
    return given_up


async def lost(session: Session) -> list[Job]:
    """Running jobs whose worker died: their lease ran out."""
    query = select(Job).where(Job.state == JobState.RUNNING, col(Job.lease_until) < now())
    return list((await session.exec(query)).all())


async def take_back(session: Session, job: Job) -> bool:
    """One of the `lost`; True when it has taken its worker down too often and is given up."""
    dead = job.crashes + 1 >= MAX_CRASHES
    result = await session.exec(
        sa.update(Job)
        .where(
            col(Job.id) == job.id,
            col(Job.lease_token) == job.lease_token,
            col(Job.lease_until) < now(),
        )
        .values(
            state=JobState.DEAD if dead else JobState.READY,
            crashes=job.crashes + 1,
            lease_token=None,
            last_error=WORKER_DIED,
        )
    )
    return dead and bool(result.rowcount)


async def is_settled(session: Session, conversation_id: str) -> bool:
    """Whether every job of the conversation has run."""
    query = select(Job.id).where(Job.conversation_id == conversation_id, col(Job.state).in_(_UNFINISHED))
    return (await session.exec(query.limit(1))).first() is None


async def find(
    session: Session, state: JobState | None = None, *, before: int | None = None, limit: int = 50
) -> list[Job]:
    """Newest first; `before` is the last job's id of the page before."""
    query = select(Job)
    if state is not None:
        query = query.where(Job.state == state)
    if before is not None:
        query = query.where(col(Job.id) < before)
    return list((await session.exec(query.order_by(col(Job.id).desc()).limit(limit))).all())


async def revive(session: Session, job_id: int) -> bool:
    """Try a job that was given up once more, from the start; False when it is not one."""
    result = await session.exec(
        sa.update(Job)
        .where(col(Job.id) == job_id, col(Job.state) == JobState.DEAD)
        .values(state=JobState.READY, attempts=0, crashes=0, run_at=now(), last_error=None)
    )
    return bool(result.rowcount)


async def last_seen(session: Session) -> datetime | None:
    """When any worker last said that it is alive; None when all have left, or none came."""
    return (await session.exec(select(sa.func.max(col(WorkerBeat.seen_at))))).one()
