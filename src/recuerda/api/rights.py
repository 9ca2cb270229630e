"""What the law gives a customer: consent, a copy, erasure."""

from datetime import datetime
from typing import Any, Literal

from fastapi import Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from recuerda import consent, privacy
from recuerda.api.auth import MayAdminister, MayRead, MayWrite, Running, api_router
from recuerda.api.fields import Incoming, Line
from recuerda.db import Session
from recuerda.language import Language
from recuerda.models import (
    ErasureStatus,
    Purpose,
    RequestKind,
)
from recuerda.privacy import requests
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


@router.get("/customers/{customer_id}/consents")
async def get_consents(customer_id: str, recuerda: Running, asking: MayRead) -> ConsentsView:
    """What the customer agreed to. Marketing and special categories are off until they are given."""
    async with recuerda.db.read() as session:
        customer = await asking.reach(session, customer_id)
        return await _consents(session, customer.id)


@router.post("/customers/{customer_id}/consents", status_code=201)
async def add_consent(
    customer_id: str, body: NewConsent, recuerda: Running, asking: MayWrite
) -> ConsentsView:
    """Note that the customer gave or withdrew consent for a purpose."""
    change = consent.give if body.given else consent.withdraw
    async with recuerda.db.write() as session:
        customer = await asking.reach(session, customer_id)
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
        customer = await asking.reach(session, customer_id)
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
