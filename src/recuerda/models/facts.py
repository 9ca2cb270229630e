"""What is known of a customer, the words it comes from, and what happened to it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from recuerda.models.columns import choice, json_column, new_key, now, text_column
from recuerda.models.words import Category, FactStatus, Review, Sensitivity, Source


class Evidence(SQLModel, table=True):
    """Where a fact was said. Triggers refuse a quote that is not in a customer's message (see migrations)."""

    __table_args__ = (
        sa.UniqueConstraint("fact_id", "message_id", "start", "end"),
        sa.CheckConstraint('"start" >= 0 AND "end" > "start"', name="span"),
    )
    id: str = new_key("evd")
    fact_id: str = Field(foreign_key="fact.id", index=True)
    message_id: str = Field(foreign_key="message.id", index=True)
    conversation_id: str = Field(foreign_key="conversation.id")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    channel: str
    at: datetime
    quote: str = Field(sa_type=text_column())
    start: int  # characters into message.text
    end: int


class Fact(SQLModel, table=True):
    __table_args__ = (
        # A fact from a conversation cannot exist without the words it was taken from.
        sa.CheckConstraint("source <> 'conversation' OR evidence_id IS NOT NULL", name="has_evidence"),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], deferrable=True, initially="DEFERRED", use_alter=True
        ),
        sa.Index("ix_fact_customer_id_status", "customer_id", "status"),
        sa.Index("ix_fact_review", "review", "created_at"),
        # A single-valued attribute has one current fact, whoever writes it and however many at once.
        sa.Index(
            "uq_fact_current",
            "customer_id",
            "subject",
            "attribute",
            unique=True,
            sqlite_where=sa.text("single AND status = 'active'"),
            postgresql_where=sa.text("single AND status = 'active'"),
        ),
    )
    id: str = new_key("fct")
    customer_id: str = Field(foreign_key="customer.id")
    evidence_id: str | None = None
    category: Category = Field(sa_type=choice(Category))
    attribute: str | None = None
    value: str | None = None
    single: bool = False  # the attribute has one value at a time
    statement: str = Field(sa_type=text_column())
    language: str
    subject: str = "customer"
    status: FactStatus = Field(default=FactStatus.ACTIVE, sa_type=choice(FactStatus))
    sensitivity: Sensitivity = Field(default=Sensitivity.NONE, sa_type=choice(Sensitivity))
    purposes: list[str] = Field(default_factory=lambda: ["service"], sa_type=json_column())
    confidence: float = 1.0
    source: Source = Field(sa_type=choice(Source))
    review: Review = Field(default=Review.NEEDED, sa_type=choice(Review))
    valid_from: datetime = Field(default_factory=now)
    valid_to: datetime | None = None
    expires_at: datetime | None = None
    superseded_by: str | None = Field(default=None, foreign_key="fact.id")
    embedding: bytes | None = None  # float32 of the statement
    embedder: str | None = None
    version: int = 1
    created_at: datetime = Field(default_factory=now)


class FactEvent(SQLModel, table=True):
    """What happened to a fact: who did it, when, why, and what it was before."""

    __tablename__ = "fact_event"
    id: str = new_key("fev")
    fact_id: str = Field(foreign_key="fact.id", index=True)
    customer_id: str = Field(foreign_key="customer.id", index=True)
    action: str  # recorded, repeated, superseded, asked, confirm, edit, reject, forget, restored, expired
    actor: str  # extractor, customer, an agent's e-mail, or an API key's name
    reason: str | None = Field(default=None, sa_type=text_column())
    before: dict[str, Any] | None = Field(default=None, sa_type=json_column())
    at: datetime = Field(default_factory=now)
