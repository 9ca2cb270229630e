"""Who is served: customers, their addresses, and what joins or removes them."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from recuerda.models.columns import choice, json_column, new_key, now
from recuerda.models.words import Assurance, ErasureStatus, IdentityKind


class Customer(SQLModel, table=True):
    id: str = new_key("cus")
    name: str | None = None
    locale: str | None = None
    # Raised by every write to the customer's memories: caches compare it, in this process or another.
    memory_version: int = 0
    memory_additions: int = 0  # how many of those writes did nothing but add
    remember: bool = (
        True  # off: nothing new is learnt from what this customer says, until they allow it again
    )
    merged_into: str | None = Field(default=None, foreign_key="customer.id", index=True)
    created_at: datetime = Field(default_factory=now)


class Identity(SQLModel, table=True):
    __table_args__ = (sa.UniqueConstraint("kind", "value"),)
    id: str = new_key("idn")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    kind: IdentityKind = Field(sa_type=choice(IdentityKind))
    value: str
    assurance: Assurance = Field(sa_type=choice(Assurance))
    created_at: datetime = Field(default_factory=now)


class Merge(SQLModel, table=True):
    """`other_id` was found to be the same person as `customer_id`; `moved` says what to give back."""

    id: str = new_key("mrg")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    other_id: str = Field(foreign_key="customer.id", index=True)
    moved: dict[str, Any] = Field(default_factory=dict, sa_type=json_column())
    actor: str
    at: datetime = Field(default_factory=now)
    undone_at: datetime | None = None


class Erasure(SQLModel, table=True):
    """What remains of an erased customer: that it was done, when, and how many rows; no words, no address."""

    id: str = new_key("era")
    customer_id: str = Field(unique=True)
    status: ErasureStatus = Field(default=ErasureStatus.PENDING, sa_type=choice(ErasureStatus))
    requested_by: str
    requested_at: datetime = Field(default_factory=now)
    done_at: datetime | None = None
    receipt: dict[str, Any] | None = Field(default=None, sa_type=json_column())
