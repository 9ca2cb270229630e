"""What customers asked by law: by when it must be answered, and answering it."""

from typing import Annotated, Literal

from fastapi import Form, Response
from sqlmodel import col, select

from recuerda import consent, customers
from recuerda.console.web import DataPosted, DataSignedIn, Posted, console_router, page, see
from recuerda.errors import BadInput
from recuerda.models import Customer, Law, Purpose, RequestKind, RequestStatus, now
from recuerda.privacy import clock, requests

router = console_router()


@router.get("/requests")
async def show(
    visit: DataSignedIn, status: Literal["open", "closed"] = "open", after: str | None = None
) -> Response:
    """Open ones, the most urgent first; or all others, newest first."""
    async with visit.recuerda.db.read() as session:
        if status == "open":
            found = await requests.waiting(session)
        else:
            closed = await requests.find(session, after=after, limit=100)
            found = [request for request in closed if request.status is not RequestStatus.OPEN]
        whose = col(Customer.id).in_({request.customer_id for request in found})
        names = dict((await session.exec(select(Customer.id, Customer.name).where(whose))).all())
    await visit.saw("requests.list", *(request.customer_id for request in found))
    rows = [(one, clock.days_left(one.due_at, now()), names.get(one.customer_id)) for one in found]
    return await page(visit, "requests.html", rows=rows, shown=status, may_extend=clock.may_extend)


@router.post("/customers/{customer_id}/requests")
async def receive(
    visit: DataPosted,
    customer_id: str,
    kind: Annotated[RequestKind, Form()],
    law: Annotated[str, Form()] = "",
    note: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    if law and law not in list(Law):
        raise BadInput("There is no such law.")
    async with visit.recuerda.db.write() as session:
        customer = await customers.get(session, customer_id)
        request = await requests.receive(
            session,
            customer.id,
            kind,
            by=visit.agent.email,
            law=Law(law) if law else None,
            otherwise=visit.recuerda.settings.data_law,
            note=note.strip() or None,
        )
        visit.note(session, f"request.{kind}", customer.id, request.id)
    return see("/console/requests", done="request", at=request.id)


@router.post("/requests/{request_id}")
async def decide(
    visit: DataPosted,
    request_id: str,
    decision: Annotated[Literal["done", "refused", "withdrawn", "extend"], Form()],
    answer: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    async with visit.recuerda.db.write() as session:
        request = await requests.decide(session, request_id, decision, by=visit.agent.email, answer=answer)
        visit.note(session, f"request.{decision}", request.customer_id, request.id)
    return see("/console/requests", done=f"request-{decision}")


@router.post("/customers/{customer_id}/consents")
async def agree(
    visit: Posted,
    customer_id: str,
    purpose: Annotated[Purpose, Form()],
    given: Annotated[bool, Form()],
    how: Annotated[str, Form(min_length=1, max_length=300)],
) -> Response:
    """`how` is where the customer said so."""
    change = consent.give if given else consent.withdraw
    async with visit.recuerda.db.write() as session:
        customer = await customers.get(session, customer_id)
        await change(session, customer.id, purpose, how=how, actor=visit.agent.email)
        visit.note(session, "consent.given" if given else "consent.withdrawn", customer.id)
    return see(f"/console/customers/{customer.id}", done="consent", at="consents")
