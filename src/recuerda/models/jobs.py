"""Work to be done, and requests already served."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel, col

from recuerda.models.columns import choice, json_column, now, text_column
from recuerda.models.words import JobState

_NOT_DONE = sa.text("state <> 'done'")


class Job(SQLModel, table=True):
    """One piece of work, committed with what caused it. The payload holds ids only."""

    __table_args__ = (
        # Nearly all jobs are done: whoever looks for work, or for what is before a job, must not meet them.
        sa.Index("ix_job_not_done", "lane", "id", sqlite_where=_NOT_DONE, postgresql_where=_NOT_DONE),
        {"sqlite_autoincrement": True},  # an id is never used again
    )
    id: int | None = Field(default=None, primary_key=True)  # counts up: the order of a lane
    kind: str
    lane: str  # jobs of one lane run one at a time, oldest first
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=json_column())
    dedupe: str | None = Field(default=None, unique=True)
    conversation_id: str | None = Field(default=None, index=True)
    customer_id: str | None = Field(default=None, index=True)
    state: JobState = Field(default=JobState.READY, sa_type=choice(JobState))
    run_at: datetime = Field(default_factory=now)
    attempts: int = 0
    crashes: int = 0
    lease_until: datetime | None = None
    lease_token: str | None = None
    last_error: str | None = Field(default=None, sa_type=text_column())
    created_at: datetime = Field(default_factory=now)


def not_done(job: type[Job] = Job) -> sa.ColumnElement[bool]:
    """In the index's own words: for others SQLite would not use it."""
    return col(job.state) != sa.literal_column("'done'")


class Recurring(SQLModel, table=True):
    """The last period each recurring job was enqueued for: whoever moves it on enqueues, once."""

    name: str = Field(primary_key=True)
    period: str  # sorts by time, such as 2026-11-22


class WorkerBeat(SQLModel, table=True):
    """A worker that is alive, and when it last said so."""

    __tablename__ = "worker_beat"
    id: str = Field(primary_key=True)
    started_at: datetime = Field(default_factory=now)
    seen_at: datetime = Field(default_factory=now)


class IdempotencyKey(SQLModel, table=True):
    """Which resource a POST with this key made. Holds no words: the answer is read from the resource."""

    __tablename__ = "idempotency_key"
    scope: str = Field(primary_key=True)  # who asked, and for what
    key: str = Field(primary_key=True)
    fingerprint: str
    resource_id: str
    customer_id: str | None = Field(default=None, index=True)
    created_at: datetime = Field(default_factory=now)
