"""A customer's history and the brand's knowledge, each with its vector."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from recuerda.models.columns import json_column, new_key, now, text_column


class Memory(SQLModel, table=True):
    """One item of a customer's history: a message of a turn, an order, a return, a ticket, a note."""

    __table_args__ = (
        sa.UniqueConstraint("customer_id", "kind", "external_id"),
        sa.Index("ix_memory_customer_id_at", "customer_id", "at"),
    )
    id: str = new_key("mem")
    customer_id: str = Field(foreign_key="customer.id")
    kind: str  # turn, order, return, ticket, note, or the brand's own
    external_id: str  # the message's id, or the brand's: saying it twice changes nothing
    text: str = Field(sa_type=text_column())  # secrets masked
    language: str
    at: datetime
    speaker: str | None = None  # customer, assistant, agent, or a name
    channel: str | None = None
    source: str = "conversation"  # conversation, import, api
    conversation_id: str | None = Field(default=None, index=True)
    data: dict[str, Any] | None = Field(default=None, sa_type=json_column())
    embedding: bytes  # float32, little endian, unit length
    embedder: str
    version: int = 0  # the customer's memory_version it came with
    created_at: datetime = Field(default_factory=now)


class Document(SQLModel, table=True):
    """A piece of the brand's knowledge: an article, a policy, a product."""

    id: str = Field(primary_key=True)
    kind: str = "article"
    title: str
    url: str | None = None
    language: str
    text: str = Field(sa_type=text_column())
    data: dict[str, Any] | None = Field(default=None, sa_type=json_column())
    digest: str  # of all of the above: putting the same again does nothing
    version: int = 1
    updated_at: datetime = Field(default_factory=now)


class Passage(SQLModel, table=True):
    """A part of a document small enough to cite and to put before a model."""

    __table_args__ = (sa.UniqueConstraint("document_id", "language", "position"),)
    id: str = new_key("psg")
    document_id: str = Field(foreign_key="document.id", ondelete="CASCADE")
    position: int
    title: str  # document and heading, as shown to a reader
    text: str = Field(sa_type=text_column())
    language: str
    embedding: bytes
    embedder: str
