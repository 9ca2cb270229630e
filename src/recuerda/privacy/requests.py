"""What customers ask by law, from the day it came in to the day it is answered."""

from datetime import datetime
from typing import Literal

import phonenumbers
from sqlmodel import col, select

from recuerda import customers
from recuerda.db import Session
from recuerda.errors import BadInput, Conflict, NotFound
from recuerda.models import (
    Customer,
    DataRequest,
    Identity,
    IdentityKind,
    Law,
    RequestKind,
    RequestStatus,
    now,
)
from recuerda.privacy import clock


async def receive(
    session: Session,
    customer_id: str,
    kind: RequestKind,
    *,
    by: str,
    otherwise: Law = Law.GDPR,
    law: Law | None = None,
    country: str | None = None,
    received_at: datetime | None = None,
    note: str | None = None,
) -> DataRequest:
    """Note a request and start its clock; one of this kind that is open already is that one.

    The law is the one given, else that of the customer's country, else `otherwise`.
    """
    customer = await customers.get(session, customer_id)
    waiting = await _open(session, customer.id, kind)
    if waiting is not None:
        return waiting
    received_at = received_at or now()
    if received_at > now():
        raise BadInput("A request cannot have come in in the future.")
    country = (country or await country_of(session, customer) or "").upper() or None
    law = law or clock.law_of(country, otherwise)
    request = DataRequest(
        customer_id=customer.id,
        kind=kind,
        law=law,
        country=country,
        received_at=received_at,
        due_at=clock.due(law, kind, received_at),
        requested_by=by,
        note=note,
    )
    session.add(request)
    await session.flush()
    return request


async def close(
    session: Session,
    request_id: str,
    *,
    by: str,
    status: RequestStatus = RequestStatus.DONE,
    answer: str | None = None,
) -> DataRequest:
    """Answered, refused or withdrawn. A refusal says why. Raises Conflict when it is closed already."""
    request = await get(session, request_id)
    if request.status is not RequestStatus.OPEN:
        raise Conflict("This request is closed already.")
    if status is RequestStatus.REFUSED and not (answer or "").strip():
        raise BadInput("A refusal needs an `answer`: the customer must be told why.")
    request.status, request.done_at, request.done_by = status, now(), by
    request.answer = answer
    await session.flush()
    return request


async def extend(session: Session, request_id: str, *, answer: str) -> DataRequest:
    """More time, once, where the law gives it; `answer` is the reason the customer is told."""
    request = await get(session, request_id)
    if request.status is not RequestStatus.OPEN or request.extended:
        raise Conflict("Only an open request that was not extended before can be.")
    if not clock.may_extend(request.law):
        raise Conflict("LGPD gives no more time.")
    request.due_at = clock.due(request.law, request.kind, request.received_at, extended=True)
    request.extended, request.answer = True, answer
    await session.flush()
    return request


async def decide(
    session: Session,
    request_id: str,
    decision: Literal["done", "refused", "withdrawn", "extend"],
    *,
    by: str,
    answer: str | None,
) -> DataRequest:
    """`extend` or `close`, as a form or an API call says it."""
    answer = (answer or "").strip() or None
    if decision != "extend":
        return await close(session, request_id, by=by, status=RequestStatus(decision), answer=answer)
    if answer is None:
        raise BadInput("More time needs an `answer`: the customer must be told why.")
    return await extend(session, request_id, answer=answer)


async def answered(
    session: Session, customer_id: str, kind: RequestKind, *, by: str, otherwise: Law, note: bool = True
) -> None:
    """What was asked is done: closes the open request. With `note`, one that nobody wrote down is noted."""
    request = await _open(session, customer_id, kind)
    if request is None and note:
        request = await receive(session, customer_id, kind, by=by, otherwise=otherwise)
    if request is not None:
        await close(session, request.id, by=by)


async def get(session: Session, request_id: str) -> DataRequest:
    request = await session.get(DataRequest, request_id)
    if request is None:
        raise NotFound("There is no request with this id.")
    return request


async def find(
    session: Session,
    *,
    status: RequestStatus | None = None,
    customer_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[DataRequest]:
    """Newest first; `after` is the last request's id of the page before."""
    query = select(DataRequest)
    if status is not None:
        query = query.where(DataRequest.status == status)
    if customer_id is not None:
        query = query.where(DataRequest.customer_id == customer_id)
    if after is not None:
        query = query.where(col(DataRequest.id) < after)
    return list((await session.exec(query.order_by(col(DataRequest.id).desc()).limit(limit))).all())


async def waiting(session: Session, limit: int = 200) -> list[DataRequest]:
    """Open ones, the most urgent first."""
    query = select(DataRequest).where(DataRequest.status == RequestStatus.OPEN)
    return list((await session.exec(query.order_by(col(DataRequest.due_at)).limit(limit))).all())


async def country_of(session: Session, customer: Customer) -> str | None:
    """Where the customer lives, as far as a phone number or their locale tells."""
    query = select(Identity.value).where(
        Identity.customer_id == customer.id,
        col(Identity.kind).in_([IdentityKind.PHONE, IdentityKind.WHATSAPP]),
    )
    for number in (await session.exec(query.order_by(col(Identity.id)))).all():
        region: str | None = phonenumbers.region_code_for_number(phonenumbers.parse(number, None))
        if region and len(region) == 2:
            return region
    region = (customer.locale or "").replace("_", "-").rpartition("-")[2]
    return (
        region.upper() if len(region) == 2 and region.isalpha() and "-" in (customer.locale or "") else None
    )


async def _open(session: Session, customer_id: str, kind: RequestKind) -> DataRequest | None:
    query = select(DataRequest).where(
        DataRequest.customer_id == customer_id,
        DataRequest.kind == kind,
        DataRequest.status == RequestStatus.OPEN,
    )
    return (await session.exec(query)).first()
