"""Customers: found, shown with profile and history, exported, merged, erased."""

import json
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Form, Response
from sqlmodel import col, or_, select

from recuerda import consent, customers, privacy
from recuerda.access.rights import Right
from recuerda.console.web import DataPosted, DataSignedIn, SignedIn, Visit, console_router, page, see
from recuerda.db import Session
from recuerda.errors import BadInput, NotFound
from recuerda.facts import profile
from recuerda.language import fold
from recuerda.models import (
    CURRENT,
    Category,
    Conversation,
    Customer,
    Identity,
    IdentityKind,
    Memory,
    Merge,
    RequestKind,
)
from recuerda.privacy import requests
from recuerda.privacy.export import language_of
from recuerda.privacy.page import POLICY
from recuerda.privacy.page import page as readable
from recuerda.turns.indexing import enqueue_reindex

_PAGE = 50
router = console_router()


@router.get("/customers")
async def find(visit: SignedIn, q: str = "", after: str = "") -> Response:
    """By name, address or id; without a question, the newest."""
    q = q.strip()
    async with visit.recuerda.db.read() as session:
        query = select(Customer).where(col(Customer.merged_into).is_(None))
        if q:
            query = query.where(_matches(q))
        if after:
            query = query.where(col(Customer.id) < after)
        found = (await session.exec(query.order_by(col(Customer.id).desc()).limit(_PAGE + 1))).all()
        rows = [
            {"customer": one, "identities": await customers.identities(session, one.id)}
            for one in found[:_PAGE]
        ]
    await visit.saw("customers.list", *(one.id for one in found[:_PAGE]))
    last = found[_PAGE - 1].id if len(found) > _PAGE else None
    return await page(visit, "customers.html", q=q, rows=rows, last=last)


_ACCENTED = "áàâãäéèêëíìîïóòôõöúùûüñçÁÀÂÃÄÉÈÊËÍÌÎÏÓÒÔÕÖÚÙÛÜÑÇ"
_PLAIN = "aaaaaeeeeiiiiooooouuuuncAAAAAEEEEIIIIOOOOOUUUUNC"


def _matches(q: str) -> sa.ColumnElement[bool]:
    like = "%" + q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    address: sa.ColumnElement[bool] = col(Identity.value).ilike(like, escape="\\")
    digits = "".join(c for c in q if c.isdigit())
    if len(digits) >= 4 and not any(c.isalpha() for c in q):  # a phone, however it is spaced
        address = or_(address, col(Identity.value).contains(digits))
    owns = select(Identity.customer_id).where(address)
    # People search "maria" for María, and neither database folds accents by itself.
    name = sa.func.lower(sa.func.translate(col(Customer.name), _ACCENTED, _PLAIN))
    return or_(name.like(fold(like), escape="\\"), col(Customer.id) == q, col(Customer.id).in_(owns))


@router.get("/customers/{customer_id}")
async def show(visit: SignedIn, customer_id: str, show: bool = False) -> Response:
    return await _customer_page(visit, customer_id, show=show)


async def _customer_page(
    visit: Visit,
    customer_id: str,
    *,
    show: bool = False,
    erase_failed: bool = False,
    merge_failed: str | None = None,
) -> Response:
    async with visit.recuerda.db.read() as session:
        customer = await customers.get(session, customer_id)
        facts = await profile.view(session, await profile.find(session, customer.id, limit=500))
        current = [f for f in facts if f.status in CURRENT]
        context: dict[str, Any] = {
            "customer": customer,
            "identities": await customers.identities(session, customer.id),
            "profile": {c: mine for c in Category if (mine := [f for f in current if f.category is c])},
            "past": [f for f in facts if f not in current],
            "history": await _history(session, customer.id),
            "conversations": await _conversations(session, customer.id),
            "merges": await _merges(session, customer.id),
            "consents": await consent.standing(session, customer.id),
            "agreed": await consent.history(session, customer.id),
        }
    show = show and Right.SPECIAL in visit.rights
    await visit.saw("customer.reveal" if show else "customer.read", context["customer"].id)
    return await page(
        visit,
        "customer.html",
        status=422 if erase_failed or merge_failed is not None else 200,
        show=show,
        word=customer.name or customer.id,  # what must be typed to erase
        erase_failed=erase_failed,
        merge_failed=merge_failed,
        **context,
    )


async def _history(session: Session, customer_id: str) -> list[Memory]:
    """Orders, returns, tickets, notes: what is not a message, newest first."""
    query = select(Memory).where(Memory.customer_id == customer_id, Memory.kind != "turn")
    return list((await session.exec(query.order_by(col(Memory.at).desc()).limit(100))).all())


async def _conversations(session: Session, customer_id: str) -> list[Conversation]:
    query = select(Conversation).where(Conversation.customer_id == customer_id)
    return list(
        (await session.exec(query.order_by(col(Conversation.last_message_at).desc()).limit(100))).all()
    )


async def _merges(session: Session, customer_id: str) -> list[Merge]:
    query = select(Merge).where(Merge.customer_id == customer_id).order_by(col(Merge.id).desc())
    return list((await session.exec(query)).all())


@router.get("/customers/{customer_id}/export")
async def export(visit: DataSignedIn, customer_id: str, format: Literal["json", "html"] = "json") -> Response:
    """Everything, as a file for programs or as a page in the customer's language; closes their request."""
    settings = visit.recuerda.settings
    async with visit.recuerda.db.write() as session:
        customer = await customers.get(session, customer_id)
        await requests.answered(
            session, customer.id, RequestKind.ACCESS, by=visit.agent.email, otherwise=settings.data_law
        )
        visit.note(session, "customer.export", customer.id)
        data = await privacy.export(session, customer.id)
        language = await language_of(session, customer) or settings.default_language
    text = json.dumps(data, ensure_ascii=False, indent=2) if format == "json" else readable(data, language)
    return Response(
        text,
        media_type="application/json" if format == "json" else "text/html",
        headers={
            "Content-Disposition": f'attachment; filename="{customer.id}.{format}"',
            "Content-Security-Policy": POLICY,
            "Cache-Control": "no-store",
        },
    )


@router.post("/customers/{customer_id}/erase")
async def erase(visit: DataPosted, customer_id: str, word: Annotated[str, Form()] = "") -> Response:
    """`word` is the customer's name, typed: erasing cannot be undone."""
    async with visit.recuerda.db.write() as session:
        customer = await customers.get(session, customer_id)
        right = word.strip().casefold() == (customer.name or customer.id).strip().casefold()
        erasure = (
            await privacy.request_erasure(
                session, customer.id, actor=visit.agent.email, otherwise=visit.recuerda.settings.data_law
            )
            if right
            else None
        )
        if erasure is not None:
            visit.note(session, "customer.erase", customer.id, erasure.id)
    if erasure is None:
        return await _customer_page(visit, customer_id, erase_failed=True)
    visit.recuerda.worker.wake()
    return see(f"/console/erasures/{erasure.id}")


@router.get("/erasures/{erasure_id}")
async def erasure(visit: DataSignedIn, erasure_id: str) -> Response:
    async with visit.recuerda.db.read() as session:
        return await page(visit, "erasure.html", erasure=await privacy.get_erasure(session, erasure_id))


@router.post("/customers/{customer_id}/merges")
async def merge(visit: DataPosted, customer_id: str, other: Annotated[str, Form()] = "") -> Response:
    """`other` is an id or an e-mail address of the same person."""
    try:
        async with visit.recuerda.db.write() as session:
            other_id = await _id_of(session, other.strip())
            merged = await customers.merge(session, customer_id, other_id, actor=visit.agent.email)
            await enqueue_reindex(session, merged.customer_id)
            visit.note(session, "customer.merge", merged.customer_id, merged.id)
            visit.note(session, "customer.merge", merged.other_id, merged.id)
    except (NotFound, BadInput):
        return await _customer_page(visit, customer_id, merge_failed=other)
    visit.recuerda.worker.wake()
    return see(f"/console/customers/{merged.customer_id}", done="merge")


async def _id_of(session: Session, given: str) -> str:
    if "@" not in given:
        return given
    found = await customers.find(session, IdentityKind.EMAIL, given)
    if found is None:
        raise NotFound("There is no customer with this e-mail address.")
    return found.id


@router.post("/merges/{merge_id}/undo")
async def unmerge(visit: DataPosted, merge_id: str) -> Response:
    async with visit.recuerda.db.write() as session:
        merged = await customers.unmerge(session, merge_id)
        visit.note(session, "customer.unmerge", merged.customer_id, merged.id)
        visit.note(session, "customer.unmerge", merged.other_id, merged.id)
        await enqueue_reindex(session, merged.customer_id)
        await enqueue_reindex(session, merged.other_id)
    visit.recuerda.worker.wake()
    return see(f"/console/customers/{merged.customer_id}", done="unmerge")
