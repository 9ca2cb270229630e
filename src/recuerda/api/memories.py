"""A customer's history: adding to it, and recalling what matters."""

from typing import Annotated

from fastapi import Query

from recuerda.api.auth import BrandMayWrite, MayRead, Running, api_router
from recuerda.api.fields import Page
from recuerda.api.idempotency import Key, Once
from recuerda.api.schemas import Created, MemoryView, NewMemoryItem
from recuerda.errors import BadInput
from recuerda.ids import new_id
from recuerda.language import detect, from_locale
from recuerda.memory import NewMemory
from recuerda.meter import count_tokens
from recuerda.turns.indexing import enqueue_index

router = api_router("/v1", tag="customers")


@router.post("/customers/{customer_id}/memories", status_code=201, responses={503: {}})
async def add_memories(
    customer_id: str,
    body: list[NewMemoryItem],
    recuerda: Running,
    asking: BrandMayWrite,
    key: Key = None,
) -> Page[Created]:
    """Items of the customer's history: orders, returns, tickets, notes. At most 500 at a time."""
    if not 1 <= len(body) <= 500:
        raise BadInput("Send 1 to 500 memories at a time.")
    fallback = recuerda.settings.default_language
    items = [
        NewMemory(
            kind=item.kind,
            external_id=item.id or new_id("ext"),
            text=item.text,
            at=item.at,
            language=from_locale(item.language) or detect(item.text, fallback),
            source="api",
            data=item.data,
        )
        for item in body
    ]
    vectors = await recuerda.memories.prepare(items)
    path = f"/v1/customers/{customer_id}/memories"
    once = Once(key, asking, path, [item.model_dump(mode="json") for item in body])
    async with recuerda.db.write() as session:
        customer = await asking.reach(session, customer_id)
        made = await once.before(session)
        if made is not None:
            return Page(items=[Created(id=i) for i in made.split(",")])
        ids = await recuerda.memories.remember(session, customer.id, items, vectors)
        await enqueue_index(session, customer.id, ids)
        asking.note(session, "memory.add", customer.id)
        await once.made(session, ",".join(ids), customer.id)
    recuerda.worker.wake()
    return Page(items=[Created(id=i) for i in ids])


@router.get("/customers/{customer_id}/recall", responses={503: {}})
async def recall(
    customer_id: str,
    recuerda: Running,
    asking: MayRead,
    q: Annotated[str, Query(min_length=1, max_length=2000)],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
    token_budget: Annotated[int | None, Query(ge=1, le=100_000)] = None,
) -> Page[MemoryView]:
    """What of the customer's history matters for `q`, best first; nothing when nothing does."""
    async with recuerda.db.read() as session:
        customer = await asking.reach(session, customer_id)
    language = detect(q, from_locale(customer.locale) or recuerda.settings.default_language)
    found = await recuerda.memories.recall(
        customer.id, q, language=language, limit=50 if token_budget else limit
    )
    if token_budget is not None:
        left, kept = token_budget, []
        for item in found:
            left -= count_tokens(item.text)
            if left < 0:
                break
            kept.append(item)
        found = kept
    return Page(items=[MemoryView.model_validate(item, from_attributes=True) for item in found])
