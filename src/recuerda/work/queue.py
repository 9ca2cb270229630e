"""The table of jobs: taking out, and what becomes of each. Every function is one caller's transaction."""

import random
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.db import Session, fetch, run
from recuerda.models import Job, JobState, not_done, now
from recuerda.work import saying as say
from recuerda.work.explain import WORKER_DIED
from recuerda.work.saying import SUSPECT

LEASE = timedelta(seconds=15)
MAX_FAILURES = 8
MAX_CRASHES = 8
_LONGEST_PAUSE = 300.0


class LeaseLost(Exception):
    """Another worker took the job over; what this one made of it is thrown away."""


@dataclass(frozen=True, slots=True)
class Lease:
    job_id: int
    token: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Jobs of a kind whose time has come; suspects and others apart."""

    kind: str
    suspect: bool
    jobs: int
    age: float  # seconds since the time of the oldest


async def ready(session: Session, together: Collection[str] = ()) -> list[Ready]:
    """What a claim would find; of the kinds done `together` also what is behind others in its lane."""
    at = now()
    found = await run(session, say.READY_KINDS, {"now": at, "together": list(together)})
    return [
        Ready(kind, bool(suspect), jobs, (at - since).total_seconds()) for kind, suspect, jobs, since in found
    ]


async def claim(
    session: Session, kinds: Collection[str], *, limit: int = 1, suspect: bool = False
) -> list[tuple[Job, Lease]]:
    """The oldest that are ready, at most one a lane, taken under one token; suspects or others."""
    at = now()
    wanted = {"now": at, "kinds": list(kinds), "most": limit, "suspect": suspect}
    jobs = await fetch(session, Job, say.NEXT, wanted)
    return await _take(session, jobs, at)


async def claim_together(session: Session, kind: str, *, limit: int) -> list[tuple[Job, Lease]]:
    """The same for a kind whose jobs may be performed at once, in whatever order: all of a lane, too."""
    at = now()
    jobs = await fetch(session, Job, say.NEXT_TOGETHER, {"now": at, "kind": kind, "most": limit})
    return await _take(session, jobs, at)


async def _take(session: Session, jobs: Sequence[Job], at: datetime) -> list[tuple[Job, Lease]]:
    if not jobs:
        return []
    lease = {"token": secrets.token_hex(8), "until": at + LEASE}
    await run(session, say.TAKE, lease | {"jobs": [job.id for job in jobs]})
    return [(job, Lease(cast(int, job.id), str(lease["token"]), job.attempts + 1)) for job in jobs]


def _mine(lease: Lease) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Job.id) == lease.job_id,
        col(Job.lease_token) == lease.token,
        col(Job.attempts) == lease.attempts,
    )


def _taken(leases: Sequence[Lease]) -> dict[str, Any]:
    """Of one claim: whoever takes a job over has another token."""
    return {"jobs": [lease.job_id for lease in leases], "token": leases[0].token}


async def renew(session: Session, *leases: Lease) -> None:
    """Of one claim."""
    await run(session, say.RENEW, _taken(leases) | {"until": now() + LEASE})


async def done(session: Session, *leases: Lease) -> None:
    """Of one claim. Raises `LeaseLost` when one is another's by now."""
    if (await run(session, say.DONE, _taken(leases))).rowcount != len(leases):
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
    return await fetch(session, Job, say.LOST, {"now": now()})


async def end_leases(session: Session) -> None:
    """For a worker that knows it is the only one alive: whatever runs, runs in nobody's hands."""
    await session.exec(sa.update(Job).where(col(Job.state) == JobState.RUNNING).values(lease_until=now()))


async def take_back(session: Session, job: Job) -> bool:
    """One of the `lost`; True when it has taken its worker down too often and is given up.

    A suspect waits a little longer each time: neither it nor what else kills workers takes all down at once.
    """
    crashes = job.crashes + 1
    dead = crashes >= MAX_CRASHES
    result = await session.exec(
        sa.update(Job)
        .where(
            col(Job.id) == job.id,
            col(Job.lease_token) == job.lease_token,
            col(Job.lease_until) < now(),
        )
        .values(
            state=JobState.DEAD if dead else JobState.READY,
            crashes=crashes,
            lease_token=None,
            run_at=now() + timedelta(seconds=pause(crashes - SUSPECT) if crashes > SUSPECT else 0),
            last_error=WORKER_DIED,
        )
    )
    return dead and bool(result.rowcount)


async def is_settled(session: Session, conversation_id: str) -> bool:
    """Whether every job of the conversation has run."""
    return (await run(session, say.UNSETTLED, {"conversation": conversation_id})).first() is None


async def find(
    session: Session, state: JobState | None = None, *, before: int | None = None, limit: int = 50
) -> list[Job]:
    """Newest first; `before` is the last job's id of the page before."""
    query = select(Job)
    if state is not None:
        query = query.where(Job.state == state, *([] if state is JobState.DONE else [not_done()]))
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
