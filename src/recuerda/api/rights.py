"""What the law gives a customer: consent, a copy, erasure, and requests answered in time."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from recuerda import consent, customers, privacy
from recuerda.api.auth import Caller, MayAdminister, MayRead, MayWrite, Running, api_router
from recuerda.api.schemas import Incoming, Line, Moment, Page, Text
from recuerda.db import Session
from recuerda.errors import Forbidden
from recuerda.language import Language
from recuerda.models import (
    Customer,
    DataRequest,
    ErasureStatus,
    Law,
    Purpose,
    RequestKind,
    RequestStatus,
    now,
)
from recuerda.privacy import clock, requests
from recuerda.privacy.export import language_of
from recuerda.privacy.page import POLICY, page

router = api_router("/v1", tag="rights")


class NewConsent(Incoming):
    purpose: Purpose
    given: bool = Field(description="False withdraws it.")
    how: Line = Field("api", description="Where the customer said so, such as `checkout form`.")


class ConsentView(BaseModel):
    purpose: Purpose
    given: bool
    how: str
    message_id: str | None
    at: datetime


class ConsentsView(BaseModel):
    """`standing` is what holds now; `history` is newest first."""

    standing: dict[Purpose, bool]
    history: list[ConsentView]


class ErasureView(BaseModel):
    """`receipt` counts what was removed; it holds no words and no address."""

    id: str
    customer_id: str
    status: ErasureStatus
    requested_at: datetime
    done_at: datetime | None
    receipt: dict[str, Any] | None


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


async def _reach(session: Session, customer_id: str, asking: Caller) -> Customer:
    asking.may_reach(customer_id)
    return await customers.get(session, customer_id)


@router.get("/customers/{customer_id}/consents")
async def get_consents(customer_id: str, recuerda: Running, asking: MayRead) -> ConsentsView:
    """What the customer agreed to. Marketing and special categories are off until they are given."""
    async with recuerda.db.read() as session:
        customer = await _reach(session, customer_id, asking)
        return await _consents(session, customer.id)


@router.post("/customers/{customer_id}/consents", status_code=201)
async def add_consent(
    customer_id: str, body: NewConsent, recuerda: Running, asking: MayWrite
) -> ConsentsView:
    """Note that the customer gave or withdrew consent for a purpose."""
    change = consent.give if body.given else consent.withdraw
    async with recuerda.db.write() as session:
        customer = await _reach(session, customer_id, asking)
        await change(session, customer.id, body.purpose, how=body.how, actor=asking.name)
        asking.note(session, "consent.given" if body.given else "consent.withdrawn", customer.id)
        return await _consents(session, customer.id)


async def _consents(session: Session, customer_id: str) -> ConsentsView:
    history = await consent.history(session, customer_id)
    return ConsentsView(
        standing=await consent.standing(session, customer_id),
        history=[ConsentView.model_validate(one, from_attributes=True) for one in history],
    )


@router.get(
    "/customers/{customer_id}/export",
    response_class=JSONResponse,
    response_model=None,
    responses={200: {"content": {"text/html": {}}}},
)
async def export(
    customer_id: str,
    recuerda: Running,
    asking: MayAdminister,
    format: Literal["json", "html"] = "json",
    language: Language | None = None,
) -> Response:
    """All that is held about the customer: for programs, or as a page to read, in their language."""
    async with recuerda.db.write() as session:
        customer = await _reach(session, customer_id, asking)
        await requests.answered(
            session,
            customer.id,
            RequestKind.ACCESS,
            by=asking.name,
            otherwise=recuerda.settings.data_law,
            note=asking.customer_id is not None,  # a key may be copying for other reasons
        )
        asking.note(session, "customer.export", customer.id)
        data = await privacy.export(session, customer.id)
        spoken = language or await language_of(session, customer) or recuerda.settings.default_language
    headers = {"Cache-Control": "no-store"}
    if format == "json":
        return JSONResponse(data, headers=headers)
    html = page(data, spoken)
    return HTMLResponse(html, headers={**headers, "Content-Security-Policy": POLICY})


@router.delete("/customers/{customer_id}", status_code=202)
async def erase(
    customer_id: str, recuerda: Running, asking: MayAdminister, response: Response
) -> dict[str, str]:
    """Erase the customer everywhere. Gone from every answer at once; the receipt follows."""
    asking.may_reach(customer_id)
    async with recuerda.db.write() as session:
        erasure = await privacy.request_erasure(
            session, customer_id, actor=asking.name, otherwise=recuerda.settings.data_law
        )
        asking.note(session, "customer.erase", erasure.customer_id, erasure.id)
    recuerda.worker.wake()
    response.headers["Location"] = f"/v1/erasures/{erasure.id}"
    return {"erasure_id": erasure.id}


@router.get("/erasures/{erasure_id}")
async def get_erasure(erasure_id: str, recuerda: Running, asking: MayAdminister) -> ErasureView:
    async with recuerda.db.read() as session:
        erasure = await privacy.get_erasure(session, erasure_id)
        asking.may_reach(erasure.customer_id)
        return ErasureView.model_validate(erasure, from_attributes=True)


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
        customer = await _reach(session, customer_id, asking)
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
