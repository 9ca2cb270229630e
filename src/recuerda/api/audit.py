"""The audit log, for the brand's own systems."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from recuerda.access import audit
from recuerda.api.auth import BrandMayAdminister, Running, api_router
from recuerda.api.fields import Page

router = api_router("/v1/audit", tag="audit")


class AuditView(BaseModel):
    """`actor` is an agent's e-mail address, a key's name, `customer` or `command line`."""

    id: str
    at: datetime
    actor: str
    action: str
    customer_id: str | None
    target: str | None
    address: str | None


@router.get("")
async def read(
    recuerda: Running,
    asking: BrandMayAdminister,
    customer: Annotated[str | None, Query(max_length=100)] = None,
    actor: Annotated[str | None, Query(max_length=320)] = None,
    cursor: Annotated[str | None, Query(pattern=r"^aud_[0-9a-f]{32}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[AuditView]:
    """Who read or changed customers' data, newest first."""
    async with recuerda.db.read() as session:
        found = await audit.find(session, customer_id=customer, actor=actor, after=cursor, limit=limit + 1)
    return Page(
        items=[AuditView.model_validate(entry, from_attributes=True) for entry in found[:limit]],
        next_cursor=found[limit - 1].id if len(found) > limit else None,
    )
