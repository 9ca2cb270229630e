"""What recurs: enqueued once a period, however many workers look, and by none that was off at the time
twice."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import select

from recuerda.db import Database
from recuerda.models import Recurring, now
from recuerda.work.intake import enqueue

DAY = timedelta(days=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A job of this kind every so often, `at` so long after the period's start (of the day, UTC)."""

    kind: str
    every: timedelta = DAY
    at: timedelta = timedelta(0)

    def period(self, moment: datetime) -> str:
        """The period `moment` is in, named by its start: names sort by time."""
        begun = (moment - self.at - _EPOCH) // self.every
        return (_EPOCH + begun * self.every + self.at).isoformat(timespec="seconds")


async def enqueue_due(db: Database, recurrences: Iterable[Recurrence], moment: datetime | None = None) -> int:
    """Enqueue what has not been in its present period; how many jobs that made.

    One that is new waits for its next period: a fresh database has nothing to purge.
    """
    moment = moment or now()
    wanted = {r.kind: r.period(moment) for r in recurrences}
    async with db.read() as session:  # a look costs no write lock
        rows = (await session.exec(select(Recurring))).all()
    known = {row.name: row.period for row in rows}
    made = 0
    for kind, period in wanted.items():
        if known.get(kind, "") >= period:
            continue
        async with db.write() as session:
            connection = await session.connection()
            names = {"name": kind, "period": period}
            await connection.execute(_FIRST_SEEN, names)
            moved_on = (await connection.execute(_MOVE_ON, names)).rowcount
            # Whoever moves the period on holds its row until the job is committed with it.
            if moved_on and await enqueue(session, kind, lane=f"recurring {kind}", payload={}, dedupe=kind):
                made += 1
    return made


_FIRST_SEEN = sa.text("INSERT INTO recurring (name, period) VALUES (:name, :period) ON CONFLICT DO NOTHING")
_MOVE_ON = sa.text("UPDATE recurring SET period = :period WHERE name = :name AND period < :period")
