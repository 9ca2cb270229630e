"""The outbox: work is committed with what causes it, done at least once, in order within its lane.

A handler does its slow part outside any transaction and returns what to write; that write and the
mark "done" are one transaction, void if the lease was lost meanwhile. So a job may be started twice
but takes effect once. Crashes (a lease that ran out) are counted apart from failures (an exception).

The pattern is that of Procrastinate, Oban and the SKIP LOCKED queues of PostgreSQL, written here
because none of them has both databases, enqueueing in the caller's transaction and order per lane.

intake: putting jobs in. queue: taking them out of the table. leases: what becomes of those taken. worker: who
claims and performs. presence: which workers live. bell: waking those of other processes. schedule: what
recurs. explain: why a job failed, in plain words.
"""

from recuerda.work.explain import Why, explain, why
from recuerda.work.intake import enqueue, enqueue_held
from recuerda.work.leases import Handler, Write
from recuerda.work.presence import SILENT, last_seen
from recuerda.work.queue import (
    MAX_CRASHES,
    MAX_FAILURES,
    Lease,
    LeaseLost,
    find,
    is_settled,
    revive,
)
from recuerda.work.schedule import Recurrence
from recuerda.work.worker import Worker, frames

__all__ = [
    "MAX_CRASHES",
    "MAX_FAILURES",
    "SILENT",
    "Handler",
    "Lease",
    "LeaseLost",
    "Recurrence",
    "Why",
    "Worker",
    "Write",
    "enqueue",
    "enqueue_held",
    "explain",
    "find",
    "frames",
    "is_settled",
    "last_seen",
    "revive",
    "why",
]
