"""Putting jobs in, each in the transaction of what causes it."""

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlmodel import select

from recuerda.db import Session, run
from recuerda.models import Job, now
from recuerda.work import saying as say
from recuerda.work.queue import LEASE, Lease

_ID = re.compile(r"[a-z]{2,5}_[0-9a-f]{32}")


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
    made = await run(
        session,
        say.INSERT,
        {
            "kind": kind,
            "lane": f"{lane} later {secrets.token_hex(4)}" if delay else lane,
            "payload": dict(payload),
            "dedupe": dedupe,
            "conversation_id": conversation_id,
            "customer_id": customer_id,
            "run_at": now() + delay,
        },
    )
    return int(made.scalar())


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


async def enqueue_held(
    session: Session,
    kind: str,
    *,
    token: str,
    lane: str,
    payload: Mapping[str, Any],
    conversation_id: str | None = None,
    customer_id: str | None = None,
) -> tuple[int, Lease | None]:
    """`enqueue` for who does the job at once: taken in the same breath, under `token`. But not when its lane
    is busy: then without a lease."""
    _ids_only(payload)
    at = now()
    values = {
        "kind": kind,
        "lane": lane,
        "payload": dict(payload),
        "conversation_id": conversation_id,
        "customer_id": customer_id,
        "run_at": at,
        "lease_token": token,
        "lease_until": at + LEASE,
    }
    [(job_id, held)] = await run(session, say.INSERT_HELD, values)
    return int(job_id), Lease(job_id, token, 1) if held else None
