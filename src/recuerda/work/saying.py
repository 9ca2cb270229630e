"""What every turn says to the table of jobs. Made once: making these takes longer than running them."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from recuerda.models import Job, JobState, not_done

SUSPECT = 2  # crashes after which a job runs with no other beside it, which would be blamed too
UNFINISHED = (JobState.READY, JobState.RUNNING)

_earlier = aliased(Job)


def _earlier_one(*what: sa.ColumnElement[bool]) -> sa.Exists:
    """Whether such a job is before it in its lane. With an offset PostgreSQL looks that up in the index for
    each job; without, and sure that next to none is unfinished, it compares all of those with each other."""
    before = col(_earlier.lane) == col(Job.lane), col(_earlier.id) < col(Job.id), not_done(_earlier)
    return (
        sa.select(col(_earlier.id))
        .where(*before, *what)
        .correlate(Job)
        .offset(sa.literal_column("0"))
        .exists()
    )


_BUSY = _earlier_one(col(_earlier.state).in_(UNFINISHED))
_DUE = (not_done(), col(Job.state) == JobState.READY, col(Job.run_at) <= sa.bindparam("now"))
_READY = (*_DUE, ~_BUSY)  # the time has come, and the lane has none before it
_RUNNING = {
    "state": JobState.RUNNING,
    "attempts": col(Job.attempts) + 1,
    "dedupe": None,  # from here on new work of the same name is new
    "lease_token": sa.bindparam("token"),
    "lease_until": sa.bindparam("until"),
}
_JOBS = col(Job.id).in_(sa.bindparam("jobs", expanding=True))
INSERT = sa.insert(Job).returning(col(Job.id))


def _given(name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=getattr(Job, name).type)


_LANE = sa.select(
    sa.exists()
    .where(
        col(_earlier.lane) == _given("lane"),
        not_done(_earlier),
        col(_earlier.state).in_(UNFINISHED),
    )
    .label("busy")
).subquery()


def _unless_busy(free: Any, busy: Any) -> sa.Case[Any]:
    return sa.case((_LANE.c.busy, busy), else_=free)


_HELD: dict[str, Any] = {
    **{name: _given(name) for name in ("kind", "lane", "payload", "conversation_id", "customer_id")},
    "run_at": _given("run_at"),
    "created_at": _given("run_at"),
    "crashes": sa.literal_column("0"),
    "attempts": _unless_busy(sa.literal_column("1"), sa.literal_column("0")),
    "state": _unless_busy(sa.literal_column("'running'"), sa.literal_column("'ready'")),
    "lease_token": _unless_busy(_given("lease_token"), sa.null()),
    "lease_until": _unless_busy(_given("lease_until"), sa.null()),
}
INSERT_HELD = (
    sa.insert(Job)
    .from_select(list(_HELD), sa.select(*_HELD.values()).select_from(_LANE), include_defaults=False)
    .returning(col(Job.id), col(Job.lease_token))
)
_SUSPECT = col(Job.crashes) >= SUSPECT
# Of what is done together the lanes are not looked at: there is much of it, and it is claimed with care.
READY_KINDS = (
    sa.select(
        col(Job.kind),
        _SUSPECT.label("suspect"),
        sa.func.count().label("jobs"),
        sa.func.min(col(Job.run_at)).label("since"),
    )
    .where(
        *_DUE,
        sa.or_(
            sa.and_(col(Job.kind).in_(sa.bindparam("together", expanding=True)), ~_SUSPECT),
            ~_BUSY,
        ),
    )
    .group_by(col(Job.kind), sa.text("suspect"))
)
NEXT = (
    select(Job)
    .where(*_READY, col(Job.kind).in_(sa.bindparam("kinds", expanding=True)))  # others: a newer worker's
    .where(sa.bindparam("suspect", type_=sa.Boolean) == _SUSPECT)
    .order_by(col(Job.id))
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
_BEHIND = _earlier_one(  # another kind, or one that runs or must wait
    sa.or_(
        col(_earlier.state) == JobState.RUNNING,
        sa.and_(
            col(_earlier.state) == JobState.READY,
            sa.or_(col(_earlier.kind) != col(Job.kind), col(_earlier.run_at) > sa.bindparam("now")),
        ),
    )
)
NEXT_TOGETHER = (
    select(Job)
    .where(
        *_DUE,
        col(Job.kind) == sa.bindparam("kind"),
        ~_SUSPECT,
        ~_BEHIND,
    )
    .order_by(col(Job.id))
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
TAKE = sa.update(Job).where(_JOBS).values(**_RUNNING)
_OURS = (_JOBS, col(Job.lease_token) == sa.bindparam("token"), col(Job.state) == JobState.RUNNING)
RENEW = sa.update(Job).where(*_OURS).values(lease_until=sa.bindparam("until"))
DONE = (
    sa.update(Job)
    .where(*_OURS)
    .values(state=JobState.DONE, lease_token=None, lease_until=None, last_error=None)
)
LOST = select(Job).where(
    not_done(), col(Job.state) == JobState.RUNNING, col(Job.lease_until) < sa.bindparam("now")
)
UNSETTLED = (
    select(Job.id)
    .where(col(Job.conversation_id) == sa.bindparam("conversation"), col(Job.state).in_(UNFINISHED))
    .limit(1)
)
