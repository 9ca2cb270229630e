"""The review queue, a fact beside its words, and the decisions on it."""

from collections.abc import Sequence
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Form, Response
from sqlmodel import col, select

from recuerda import reviews
from recuerda.access.rights import Right
from recuerda.console import marking, waiting
from recuerda.console.web import (
    Posted,
    SignedIn,
    address,
    back_to,
    console_router,
    page,
    see,
)
from recuerda.db import Session
from recuerda.errors import Conflict
from recuerda.facts import profile
from recuerda.facts.explain import replaced_by, replies_using
from recuerda.facts.profile import FactView
from recuerda.language import LANGUAGES, from_locale
from recuerda.models import Category, Customer, Fact, FactStatus, Message, Sensitivity

_PAGE = 25
_AROUND = 3  # messages shown before and after the one a fact was said in
_USES = 20  # replies that used a fact, shown with it
router = console_router()


@router.get("/review")
async def queue(
    visit: SignedIn,
    which: str = "",
    category: str = "",
    language: str = "",
    sensitivity: str = "",
    after: str = "",
) -> Response:
    """Facts waiting, oldest first, filtered; `after` is the last fact of the page before."""
    where = [*waiting.for_review(sure=which == "all")]
    if category in set(Category):
        where.append(col(Fact.category) == Category(category))
    if from_locale(language):
        where.append(col(Fact.language) == language)
    if sensitivity in set(Sensitivity):
        where.append(col(Fact.sensitivity) == Sensitivity(sensitivity))
    async with visit.recuerda.db.read() as session:
        total = (await session.exec(select(sa.func.count()).select_from(Fact).where(*where))).one()
        rest = [*where, col(Fact.id) > after] if after else where
        query = select(Fact).where(*rest).order_by(col(Fact.id)).limit(_PAGE + 1)
        facts = (await session.exec(query)).all()
        rows = await _with_words(session, facts[:_PAGE])
    await visit.saw("review.list", *(fact.customer_id for fact in facts[:_PAGE]))
    filters = {
        "which": "all" if which == "all" else "",
        "category": category,
        "language": language,
        "sensitivity": sensitivity,
    }
    return await page(
        visit,
        "review.html",
        rows=rows,
        total=total,
        filters=filters,
        after=after,
        more=address("/console/review", **filters, after=facts[_PAGE - 1].id) if len(facts) > _PAGE else None,
        choices={"category": list(Category), "language": list(LANGUAGES), "sensitivity": list(Sensitivity)},
    )


async def _with_words(session: Session, facts: Sequence[Fact]) -> list[dict[str, Any]]:
    """Each fact with its customer and the words it was last said in."""
    views = await profile.view(session, facts)
    names = await _names(session, {fact.customer_id for fact in facts})
    said = {view.evidence[-1].message_id for view in views if view.evidence}
    messages = await _messages(session, list(said))
    hidden = await marking.special_spans(session, list(said))
    rows = []
    for fact, view in zip(facts, views, strict=True):
        last = view.evidence[-1] if view.evidence else None
        message = messages.get(last.message_id) if last else None
        words = (
            marking.excerpt(message.text, (last.start, last.end), hidden.get(message.id, []))
            if last and message
            else []
        )
        rows.append(
            {
                "fact": view,
                "version": fact.version,
                "hidden": view.sensitivity is Sensitivity.SPECIAL,
                "customer": names.get(fact.customer_id),
                "words": words,
                "at": last.at if last else fact.valid_from,
            }
        )
    return rows


async def _names(session: Session, ids: set[str]) -> dict[str, str | None]:
    found = (await session.exec(select(Customer).where(col(Customer.id).in_(ids)))).all()
    return {customer.id: customer.name for customer in found}


async def _messages(session: Session, ids: list[str]) -> dict[str, Message]:
    found = (await session.exec(select(Message).where(col(Message.id).in_(ids)))).all()
    return {message.id: message for message in found}


@router.get("/facts/{fact_id}")
async def one_fact(visit: SignedIn, fact_id: str, show: bool = False, back: str = "") -> Response:
    show = show and Right.SPECIAL in visit.rights
    async with visit.recuerda.db.read() as session:
        fact = await profile.get(session, fact_id)
        [view] = await profile.view(session, [fact])
        customer = await session.get(Customer, fact.customer_id)
        hidden = view.sensitivity is Sensitivity.SPECIAL and not show
        places = await _places(session, view, hide=not show)
        events = await profile.history(session, fact.id)
        replaced = await replaced_by(session, fact)
        uses = await replies_using(session, fact, limit=_USES)
    await visit.saw("fact.reveal" if show else "fact.read", fact.customer_id, target=fact.id)
    return await page(
        visit,
        "fact.html",
        fact=view,
        version=fact.version,
        customer=customer,
        hidden=hidden,
        show=show,
        can_keep=view.status is not FactStatus.SUPERSEDED,
        places=places,
        events=list(reversed(events)),
        learnt=fact.created_at,
        replaced=replaced,
        uses=uses,
        most_uses=_USES,
        back=back_to(back, ""),
    )


async def _places(session: Session, view: FactView, *, hide: bool) -> list[dict[str, Any]]:
    """Where the fact was said: each conversation's messages around it, the exact words marked."""
    places = []
    for conversation_id in dict.fromkeys(said.conversation_id for said in view.evidence):
        here = [said for said in view.evidence if said.conversation_id == conversation_id]
        messages = await _around(session, conversation_id, [said.message_id for said in here])
        hidden = await marking.special_spans(session, [m.id for m in messages]) if hide else {}
        lines = [
            {
                "message": message,
                "words": marking.pieces(
                    message.text,
                    [(said.start, said.end) for said in here if said.message_id == message.id],
                    hidden.get(message.id, []),
                ),
            }
            for message in messages
        ]
        places.append({"id": conversation_id, "channel": here[0].channel, "lines": lines})
    return places


async def _around(session: Session, conversation_id: str, message_ids: list[str]) -> list[Message]:
    said = select(Message.position).where(col(Message.id).in_(message_ids))
    positions = (await session.exec(said)).all()
    near = [
        sa.and_(col(Message.position) >= at - _AROUND, col(Message.position) <= at + _AROUND)
        for at in positions
    ]
    query = select(Message).where(Message.conversation_id == conversation_id, sa.or_(sa.false(), *near))
    return list((await session.exec(query.order_by(col(Message.position)))).all())


@router.post("/facts/{fact_id}/decisions")
async def decide(
    visit: Posted,
    fact_id: str,
    decision: Annotated[reviews.Decision, Form()],
    version: Annotated[int, Form()],
    statement: Annotated[str, Form(max_length=20_000)] = "",
    value: Annotated[str, Form(max_length=300)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    back: Annotated[str, Form()] = "",
    at: Annotated[str, Form(pattern=r"^(fct_\w+)?$")] = "",
) -> Response:
    """`version` is that of the fact the agent looked at: what changed since must be looked at again."""
    async with visit.recuerda.db.write() as session:
        fact = await profile.get(session, fact_id)
        if fact.sensitivity is Sensitivity.SPECIAL:
            visit.require(Right.SPECIAL)
        if fact.version != version:
            raise Conflict(visit.t("fact.changed"))
        await reviews.decide(
            session,
            fact_id,
            decision,
            actor=visit.agent.email,
            statement=statement.strip() or None,
            value=value.strip() or None,
            reason=reason.strip() or None,
        )
        visit.note(session, f"fact.{decision}", fact.customer_id, fact.id)
    return see(back_to(back, f"/console/facts/{fact_id}"), done=decision, at=at)
