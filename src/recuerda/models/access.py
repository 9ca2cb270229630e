"""Who did what."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from recuerda.models.columns import new_key, now


class AuditEntry(SQLModel, table=True):
    """Somebody read or changed a customer's data. Triggers refuse changes (see migrations)."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        sa.Index("ix_audit_entry_customer_id", "customer_id", "id"),
        sa.Index("ix_audit_entry_actor", "actor", "id"),
        sa.Index("ix_audit_entry_at", "at"),
    )
    id: str = new_key("aud")
    at: datetime = Field(default_factory=now)
    actor: str  # an agent's e-mail, or an API key's name
    action: str  # customer.read, customer.export, fact.confirm, ...
    customer_id: str | None = None  # no foreign key: the entry outlives the customer
    target: str | None = None  # the id of the fact, conversation, merge ... that was touched
    address: str | None = None  # where the request came from
