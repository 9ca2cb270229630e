"""What a customer agreed to, and what they asked of the brand by law."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from recuerda.models.columns import choice, new_key, now, text_column
from recuerda.models.words import Law, Purpose, RequestKind, RequestStatus


class Consent(SQLModel, table=True):
    """One word of a customer on one purpose, given or withdrawn. The newest of a purpose counts."""

    __table_args__ = (sa.Index("ix_consent_customer_id", "customer_id", "purpose", "id"),)
    id: str = new_key("cst")
    customer_id: str = Field(foreign_key="customer.id")
    purpose: Purpose = Field(sa_type=choice(Purpose))
    given: bool
    how: str  # chat, console, api, or the brand's own word, such as "checkout form"
    actor: str  # customer, an agent's e-mail, or an API key's name
    message_id: str | None = Field(default=None, foreign_key="message.id", index=True)  # where it was said
    at: datetime = Field(default_factory=now)


class DataRequest(SQLModel, table=True):
    """A customer's request about their data, and the day the law wants it answered by.

    It outlives the customer, as proof: without a foreign key, and without words once they are erased.
    """

    __tablename__ = "data_request"
    __table_args__ = (sa.Index("ix_data_request_status", "status", "due_at"),)
    id: str = new_key("req")
    customer_id: str = Field(index=True)
    kind: RequestKind = Field(sa_type=choice(RequestKind))
    law: Law = Field(sa_type=choice(Law))
    country: str | None = None  # ISO 3166, whose holidays count
    status: RequestStatus = Field(default=RequestStatus.OPEN, sa_type=choice(RequestStatus))
    received_at: datetime = Field(default_factory=now)
    due_at: datetime
    extended: bool = False
    done_at: datetime | None = None
    requested_by: str  # customer, an agent's e-mail, or an API key's name
    done_by: str | None = None
    note: str | None = Field(default=None, sa_type=text_column())  # what is asked, as it was put
    answer: str | None = Field(default=None, sa_type=text_column())  # what was done, or why it was refused
    erasure_id: str | None = None
