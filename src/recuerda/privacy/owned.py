"""Which rows are a customer's: every table with a `customer_id`, found in the models themselves, so that
a new table is exported and erased without anybody remembering it."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from recuerda.db import Session
from recuerda.models import Customer

# What remains after an erasure, as proof that it and other requests were answered. Ids and dates only.
KEPT = frozenset({"erasure", "data_request", "audit_entry"})


def owned_tables() -> list[sa.Table]:
    """In an order that the foreign keys allow to delete in: what points comes before what is pointed at."""
    return [
        table
        for table in reversed(SQLModel.metadata.sorted_tables)
        if "customer_id" in table.c and table.name not in KEPT
    ]


def holding_words() -> list[str]:
    """The tables whose files hold what an erasure or a purge removes."""
    return [*(table.name for table in owned_tables()), "customer", "data_request"]


async def with_merged(session: Session, customer_id: str) -> list[str]:
    """The customer and all that were merged into them, however deep."""
    ids, found = [customer_id], [customer_id]
    while found:
        query = select(Customer.id).where(col(Customer.merged_into).in_(found))
        found = list((await session.exec(query)).all())
        ids += found
    return ids


def theirs(table: sa.Table, ids: Sequence[str]) -> sa.ColumnElement[bool]:
    mine = table.c.customer_id.in_(ids)
    # Of a merge, either side: one that was undone still tells that the two were taken for one.
    return sa.or_(mine, table.c.other_id.in_(ids)) if "other_id" in table.c else mine
