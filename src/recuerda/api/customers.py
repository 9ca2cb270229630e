"""Customers: who they are, their facts, and two that are one."""

from typing import Annotated, Any

from fastapi import Query

from recuerda import customers
from recuerda.api.auth import (
    TOKEN_LIFE,
    BrandMayAdminister,
    BrandMayIssueTokens,
    BrandMayRead,
    BrandMayWrite,
    MayRead,
    Running,
    api_router,
    make_token,
)
from recuerda.api.fields import Moment, Page
from recuerda.api.idempotency import Key, Once
from recuerda.api.schemas import (
    CustomerRef,
    CustomerView,
    MergeView,
    NewFact,
    NewMerge,
)
from recuerda.api.views import customer_view
from recuerda.errors import BadInput
from recuerda.facts import profile, record
from recuerda.facts.policy import stricter
from recuerda.facts.profile import FactView
from recuerda.language import detect, from_locale
from recuerda.models import Assurance, Category, FactStatus, IdentityKind, Purpose, Source
from recuerda.turns.indexing import enqueue_reindex

router = api_router("/v1", tag="customers")
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("/tokens", status_code=201)
async def make_customer_token(
    body: CustomerRef, recuerda: Running, asking: BrandMayIssueTokens
) -> dict[str, Any]:
    """A token for the chat page of one customer, whom the brand vouches for; lasts an hour."""
    async with recuerda.db.write() as session:
        customer = await customers.resolve(
            session, body.addresses, name=body.name, assurance=Assurance.SIGNED
        )
    token, expires = make_token(recuerda.secrets[0], customer.id, TOKEN_LIFE)
    return {"token": token, "expires_at": expires, "customer_id": customer.id}


@router.get("/customers")
async def find_customers(
    recuerda: Running,
    asking: BrandMayRead,
    email: str | None = None,
    phone: str | None = None,
    external_id: str | None = None,
    visitor: str | None = None,
) -> Page[CustomerView]:
    """Find a customer by an address."""
    given = {"email": email, "phone": phone, "external_id": external_id, "visitor": visitor}
    wanted = {IdentityKind(kind): value for kind, value in given.items() if value}
    if not wanted:
        raise BadInput("Give an address to look for: email, phone, external_id or visitor.")
    async with recuerda.db.read() as session:
        found = [await customers.find(session, kind, value) for kind, value in wanted.items()]
        unique = {c.id: c for c in found if c is not None}
        return Page(items=[await customer_view(session, c) for c in unique.values()])


@router.get("/customers/{customer_id}")
async def get_profile(customer_id: str, recuerda: Running, asking: MayRead) -> dict[str, Any]:
    """Who the customer is, and the current facts by category."""
    async with recuerda.db.read() as session:
        customer = await asking.reach(session, customer_id)
        view = await customer_view(session, customer)
        current = await profile.current(session, customer.id, proposed=True)
        facts: dict[str, list[dict[str, Any]]] = {}
        for fact in await profile.view(session, current):
            facts.setdefault(fact.category.value, []).append(fact.model_dump(mode="json"))
    return {**view.model_dump(mode="json"), "facts": facts}


@router.get("/customers/{customer_id}/facts")
async def list_facts(
    customer_id: str,
    recuerda: Running,
    asking: MayRead,
    status: FactStatus | None = None,
    category: Category | None = None,
    purpose: Purpose | None = None,
    as_of: Moment | None = None,
    known_at: Moment | None = None,
    cursor: Annotated[str | None, Query(pattern=r"^fct_[0-9a-f]{32}$")] = None,
    limit: Limit = 50,
) -> Page[FactView]:
    """Newest first. `as_of` gives what was true at that moment; `known_at` what we believed at that one;
    `purpose` what may be used for it now."""
    async with recuerda.db.read() as session:
        customer = await asking.reach(session, customer_id)
        found = await profile.find(
            session,
            customer.id,
            status=status,
            category=category,
            purpose=purpose,
            as_of=as_of,
            known_at=known_at,
            after=cursor,
            limit=limit + 1,
        )
        return Page(
            items=await profile.view(session, found[:limit], known_at=known_at),
            next_cursor=found[limit - 1].id if len(found) > limit else None,
        )


@router.post("/customers/{customer_id}/facts", status_code=201)
async def add_fact(
    customer_id: str,
    body: NewFact,
    recuerda: Running,
    asking: BrandMayWrite,
    key: Key = None,
) -> FactView:
    """Something the brand knows. What a customer says in a conversation is found by itself."""
    once = Once(key, asking, f"/v1/customers/{customer_id}/facts", body)
    async with recuerda.db.write() as session:
        customer = await asking.reach(session, customer_id)
        made = await once.before(session)
        if made is None:
            language = from_locale(body.language) or detect(
                body.statement, from_locale(customer.locale) or recuerda.settings.default_language
            )
            fact = await record.state(
                session,
                customer.id,
                source=Source.AGENT,
                actor=asking.name,
                **body.model_dump(exclude={"language", "sensitivity"}),
                language=language,
                sensitivity=stricter(
                    body.sensitivity, recuerda.catalogue.sensitivity(body.category, body.attribute)
                ),
                marketing_uses=recuerda.settings.marketing_uses,
                single=bool(body.attribute and recuerda.catalogue.is_single(body.attribute)),
            )
            asking.note(session, "fact.add", customer.id, fact.id)
            await once.made(session, fact.id, customer.id)
        else:
            fact = await profile.get(session, made)
        return (await profile.view(session, [fact]))[0]


@router.post("/customers/{customer_id}/merges", status_code=201, responses={409: {}})
async def merge(customer_id: str, body: NewMerge, recuerda: Running, asking: BrandMayAdminister) -> MergeView:
    """`other_id` is the same person: their history becomes this customer's. Can be undone."""
    async with recuerda.db.write() as session:
        merged = await customers.merge(session, customer_id, body.other_id, actor=asking.name)
        asking.note(session, "customer.merge", merged.customer_id, merged.id)
        asking.note(session, "customer.merge", merged.other_id, merged.id)
        await enqueue_reindex(session, merged.customer_id)
    recuerda.worker.wake()
    return MergeView.model_validate(merged, from_attributes=True)


@router.delete("/merges/{merge_id}", responses={409: {}})
async def unmerge(merge_id: str, recuerda: Running, asking: BrandMayAdminister) -> MergeView:
    async with recuerda.db.write() as session:
        merged = await customers.unmerge(session, merge_id)
        asking.note(session, "customer.unmerge", merged.customer_id, merged.id)
        asking.note(session, "customer.unmerge", merged.other_id, merged.id)
        await enqueue_reindex(session, merged.customer_id)
        await enqueue_reindex(session, merged.other_id)
    recuerda.worker.wake()
    return MergeView.model_validate(merged, from_attributes=True)
