"""What customers ask by law, answered in time."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from recuerda import customers
from recuerda.api.auth import MayAdminister, Running, api_router
from recuerda.api.fields import Incoming, Moment, Page, Text
from recuerda.errors import Forbidden
from recuerda.models import (
    DataRequest,
    Law,
    RequestKind,
    RequestStatus,
    now,
)
from recuerda.privacy import clock, requests

router = api_router("/v1", tag="rights")


class NewRequest(Incoming):
    kind: RequestKind
    law: Law | None = Field(None, description="Else that of the customer's country, else RECUERDA_DATA_LAW.")
    country: Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")] | None = None
    received_at: Moment | None = Field(None, description="When it came in, if not just now.")
    note: Text | None = Field(None, description="What is asked.")


class RequestChange(Incoming):
    """`done`, `refused` and `withdrawn` close it; `extend` gives more time, once, where the law does."""

    decision: Literal["done", "refused", "withdrawn", "extend"]
    answer: Text | None = Field(
        None, description="What the customer is told. A refusal and more time need it."
    )


class RequestView(BaseModel):
    id: str
    customer_id: str
    kind: RequestKind
    law: Law
    country: str | None
    status: RequestStatus
    received_at: datetime
    due_at: datetime
    days_left: int | None = Field(description="Whole days; negative once it is late. Null when it is closed.")
    extended: bool
    done_at: datetime | None
    note: str | None
    answer: str | None
    erasure_id: str | None


def request_view(request: DataRequest) -> RequestView:
    open = request.status is RequestStatus.OPEN
    return RequestView(
        **request.model_dump(exclude={"requested_by", "done_by"}),
        days_left=clock.days_left(request.due_at, now()) if open else None,
    )


@router.get("/requests")
async def list_requests(
    recuerda: Running,
    asking: MayAdminister,
    status: RequestStatus | None = None,
    customer_id: str | None = None,
    cursor: Annotated[str | None, Query(pattern=r"^req_[0-9a-f]{32}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[RequestView]:
    """Newest first. A customer's token sees its own."""
    customer_id = asking.customer_id or customer_id
    async with recuerda.db.read() as session:
        found = await requests.find(
            session, status=status, customer_id=customer_id, after=cursor, limit=limit + 1
        )
    return Page(
        items=[request_view(request) for request in found[:limit]],
        next_cursor=found[limit - 1].id if len(found) > limit else None,
    )


@router.post("/customers/{customer_id}/requests", status_code=201)
async def add_request(
    customer_id: str, body: NewRequest, recuerda: Running, asking: MayAdminister
) -> RequestView:
    """Note what a customer asks by law and start its clock. One of the same kind that is open is that one.

    Exports and erasures note and close theirs by themselves.
    """
    if asking.customer_id is not None and (body.received_at or body.law):
        raise Forbidden("Only the brand says when a request came in, and by which law it counts.")
    async with recuerda.db.write() as session:
        asking.may_reach(customer_id)
        customer = await customers.get(session, customer_id)
        request = await requests.receive(
            session,
            customer.id,
            by=asking.name,
            otherwise=recuerda.settings.data_law,
            **body.model_dump(),
        )
        asking.note(session, f"request.{request.kind}", customer.id, request.id)
        return request_view(request)


@router.post("/requests/{request_id}/decisions", responses={409: {}})
async def decide_request(
    request_id: str, body: RequestChange, recuerda: Running, asking: MayAdminister
) -> RequestView:
    """Close a request, or take the more time the law gives. A customer may withdraw their own."""
    async with recuerda.db.write() as session:
        request = await requests.get(session, request_id)
        asking.may_reach(request.customer_id)
        if asking.customer_id is not None and body.decision != "withdrawn":
            raise Forbidden("A customer may only withdraw a request.")
        request = await requests.decide(
            session, request_id, body.decision, by=asking.name, answer=body.answer
        )
        asking.note(session, f"request.{body.decision}", request.customer_id, request.id)
        return request_view(request)
