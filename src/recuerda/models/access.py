"""Who may ask, and who did what."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from recuerda.models.columns import json_column, new_key, now


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


class ApiKey(SQLModel, table=True):
    """A key of one of the brand's servers; only hashes of its secrets."""

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)  # the part of the key that is shown: rcd_ and 12 digits
    name: str = Field(unique=True)  # as the audit log has it
    scopes: list[str] = Field(default_factory=list, sa_type=json_column())
    secret_hash: str  # SHA-256
    old_hash: str | None = None  # of the secret before the last rotation, accepted until `old_until`
    old_until: datetime | None = None
    created_at: datetime = Field(default_factory=now)
    last_used_at: datetime | None = None  # to within an hour
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
