"""The tables. SQL is the truth; everything in Chroma can be made again from here.

Ids sort by time of making (see `ids`). Times are aware, UTC. `SQLModel(table=True)` does not
validate: what comes from outside is checked at the edge (`api`, `channels`), never here.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from recuerda.ids import new_id

# Names for every constraint, so that migrations can speak of them.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def now() -> datetime:
    return datetime.now(UTC)


def _id(prefix: str) -> Any:
    return Field(default_factory=lambda: new_id(prefix), primary_key=True)


def _choice(values: type[StrEnum]) -> Any:
    return sa.Enum(values, native_enum=False, length=20, values_callable=lambda e: [v.value for v in e])


def _json() -> Any:
    return sa.JSON().with_variant(JSONB(), "postgresql")


def _text() -> Any:
    return sa.Text()


class IdentityKind(StrEnum):
    EXTERNAL_ID = "external_id"
    EMAIL = "email"
    PHONE = "phone"
    WHATSAPP = "whatsapp"
    VISITOR = "visitor"


class Assurance(StrEnum):
    """How sure it is that the address is this person's, strongest first."""

    SIGNED = "signed"
    CHANNEL = "channel"
    OTP = "otp"
    CLAIMED = "claimed"


class ConversationStatus(StrEnum):
    BOT = "bot"
    WAITING = "waiting"
    AGENT = "agent"
    RESOLVED = "resolved"


class Author(StrEnum):
    CUSTOMER = "customer"
    ASSISTANT = "assistant"
    AGENT = "agent"


class Delivery(StrEnum):
    """Where an outbound message stands; `none` on channels where the customer reads it from us."""

    NONE = "none"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class Category(StrEnum):
    IDENTITY = "identity"
    CONTACT = "contact"
    LOCATION = "location"
    FIT = "fit"
    HEALTH = "health"
    PREFERENCE = "preference"
    ACTIVITY = "activity"
    POSSESSION = "possession"
    ISSUE = "issue"
    INTENT = "intent"
    EVENT = "event"


class FactStatus(StrEnum):
    PROPOSED = "proposed"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    FORGOTTEN = "forgotten"
    EXPIRED = "expired"


class Sensitivity(StrEnum):
    NONE = "none"
    PERSONAL = "personal"
    SPECIAL = "special"


class Source(StrEnum):
    CONVERSATION = "conversation"
    CUSTOMER = "customer"
    AGENT = "agent"
    IMPORT = "import"


class Review(StrEnum):
    NEEDED = "needed"
    NOT_NEEDED = "not_needed"
    DONE = "done"


class JobState(StrEnum):
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class ErasureStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"


class Customer(SQLModel, table=True):
    id: str = _id("cus")
    name: str | None = None
    locale: str | None = None
    # Raised by every write to the customer's memories: caches compare it, in this process or another.
    memory_version: int = 0
    merged_into: str | None = Field(default=None, foreign_key="customer.id", index=True)
    created_at: datetime = Field(default_factory=now)


class Identity(SQLModel, table=True):
    __table_args__ = (sa.UniqueConstraint("kind", "value"),)
    id: str = _id("idn")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    kind: IdentityKind = Field(sa_type=_choice(IdentityKind))
    value: str
    assurance: Assurance = Field(sa_type=_choice(Assurance))
    created_at: datetime = Field(default_factory=now)


class Conversation(SQLModel, table=True):
    id: str = _id("cnv")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    channel: str
    status: ConversationStatus = Field(default=ConversationStatus.BOT, sa_type=_choice(ConversationStatus))
    locale: str | None = None
    language: str = "en"
    # Allotted to the next message; taking it locks the row, which is what keeps a conversation in order.
    next_position: int = 0
    rating: int | None = None
    rating_comment: str | None = Field(default=None, sa_type=_text())
    external_id: str | None = Field(default=None, unique=True)
    created_at: datetime = Field(default_factory=now)
    last_message_at: datetime = Field(default_factory=now, index=True)


class Message(SQLModel, table=True):
    __table_args__ = (
        sa.UniqueConstraint("conversation_id", "position"),
        sa.UniqueConstraint("reply_to"),  # a message is answered once, however often the work is tried
    )
    id: str = _id("msg")
    conversation_id: str = Field(foreign_key="conversation.id")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    position: int
    author: Author = Field(sa_type=_choice(Author))
    text: str = Field(sa_type=_text())
    language: str = "en"
    at: datetime = Field(default_factory=now)
    external_id: str | None = Field(default=None, unique=True)  # the channel's own id, such as a MessageSid
    reply_to: str | None = Field(default=None, foreign_key="message.id")
    receipt: dict[str, Any] | None = Field(default=None, sa_type=_json())
    engine: str | None = None
    delivery: Delivery = Field(default=Delivery.NONE, sa_type=_choice(Delivery))


class Evidence(SQLModel, table=True):
    """Where a fact was said. Triggers refuse a quote that is not in a customer's message (see migrations)."""

    __table_args__ = (
        sa.UniqueConstraint("fact_id", "message_id", "start", "end"),
        sa.CheckConstraint('"start" >= 0 AND "end" > "start"', name="span"),
    )
    id: str = _id("evd")
    fact_id: str = Field(foreign_key="fact.id", index=True)
    message_id: str = Field(foreign_key="message.id", index=True)
    conversation_id: str = Field(foreign_key="conversation.id")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    channel: str
    at: datetime
    quote: str = Field(sa_type=_text())
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
    id: str = _id("fct")
    customer_id: str = Field(foreign_key="customer.id")
    evidence_id: str | None = None
    category: Category = Field(sa_type=_choice(Category))
    attribute: str | None = None
    value: str | None = None
    single: bool = False  # the attribute has one value at a time
    statement: str = Field(sa_type=_text())
    language: str
    subject: str = "customer"
    status: FactStatus = Field(default=FactStatus.ACTIVE, sa_type=_choice(FactStatus))
    sensitivity: Sensitivity = Field(default=Sensitivity.NONE, sa_type=_choice(Sensitivity))
    confidence: float = 1.0
    source: Source = Field(sa_type=_choice(Source))
    review: Review = Field(default=Review.NEEDED, sa_type=_choice(Review))
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
    id: str = _id("fev")
    fact_id: str = Field(foreign_key="fact.id", index=True)
    customer_id: str = Field(foreign_key="customer.id", index=True)
    action: str  # recorded, repeated, superseded, confirm, edit, reject, forget, restored, expired
    actor: str  # extractor, customer, an agent's e-mail, or an API key's name
    reason: str | None = Field(default=None, sa_type=_text())
    before: dict[str, Any] | None = Field(default=None, sa_type=_json())
    at: datetime = Field(default_factory=now)


class Memory(SQLModel, table=True):
    """One item of a customer's history: a message of a turn, an order, a return, a ticket, a note."""

    __table_args__ = (
        sa.UniqueConstraint("customer_id", "kind", "external_id"),
        sa.Index("ix_memory_customer_id_at", "customer_id", "at"),
    )
    id: str = _id("mem")
    customer_id: str = Field(foreign_key="customer.id")
    kind: str  # turn, order, return, ticket, note, or the brand's own
    external_id: str  # the message's id, or the brand's: saying it twice changes nothing
    text: str = Field(sa_type=_text())  # secrets masked
    language: str
    at: datetime
    speaker: str | None = None  # customer, assistant, agent, or a name
    channel: str | None = None
    source: str = "conversation"  # conversation, import, api
    conversation_id: str | None = Field(default=None, index=True)
    data: dict[str, Any] | None = Field(default=None, sa_type=_json())
    embedding: bytes  # float32, little endian, unit length
    embedder: str
    created_at: datetime = Field(default_factory=now)


class Document(SQLModel, table=True):
    """A piece of the brand's knowledge: an article, a policy, a product."""

    id: str = Field(primary_key=True)
    kind: str = "article"
    title: str
    url: str | None = None
    language: str
    text: str = Field(sa_type=_text())
    data: dict[str, Any] | None = Field(default=None, sa_type=_json())
    digest: str  # of all of the above: putting the same again does nothing
    version: int = 1
    updated_at: datetime = Field(default_factory=now)


class Passage(SQLModel, table=True):
    """A part of a document small enough to cite and to put before a model."""

    __table_args__ = (sa.UniqueConstraint("document_id", "language", "position"),)
    id: str = _id("psg")
    document_id: str = Field(foreign_key="document.id", ondelete="CASCADE")
    position: int
    title: str  # document and heading, as shown to a reader
    text: str = Field(sa_type=_text())
    language: str
    embedding: bytes
    embedder: str


class Job(SQLModel, table=True):
    """One piece of work, committed with what caused it. The payload holds ids only."""

    __table_args__ = (
        sa.Index("ix_job_state_run_at", "state", "run_at"),
        sa.Index("ix_job_lane_id", "lane", "id"),
        {"sqlite_autoincrement": True},  # an id is never used again
    )
    id: int | None = Field(default=None, primary_key=True)  # counts up: the order of a lane
    kind: str
    lane: str  # jobs of one lane run one at a time, oldest first
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=_json())
    dedupe: str | None = Field(default=None, unique=True)
    conversation_id: str | None = Field(default=None, index=True)
    customer_id: str | None = Field(default=None, index=True)
    state: JobState = Field(default=JobState.READY, sa_type=_choice(JobState))
    run_at: datetime = Field(default_factory=now)
    attempts: int = 0
    crashes: int = 0
    lease_until: datetime | None = None
    lease_token: str | None = None
    last_error: str | None = Field(default=None, sa_type=_text())
    created_at: datetime = Field(default_factory=now)


class IdempotencyKey(SQLModel, table=True):
    """Which resource a POST with this key made. Holds no words: the answer is read from the resource."""

    __tablename__ = "idempotency_key"
    scope: str = Field(primary_key=True)  # who asked, and for what
    key: str = Field(primary_key=True)
    fingerprint: str
    resource_id: str
    customer_id: str | None = Field(default=None, index=True)
    created_at: datetime = Field(default_factory=now)


class Agent(SQLModel, table=True):
    id: str = _id("agt")
    email: str = Field(unique=True)
    name: str
    password_hash: str
    role: str = "reviewer"
    failed_logins: int = 0
    locked_until: datetime | None = None
    created_at: datetime = Field(default_factory=now)


class AgentSession(SQLModel, table=True):
    __tablename__ = "agent_session"
    token_hash: str = Field(primary_key=True)  # SHA-256 of the cookie
    agent_id: str = Field(foreign_key="agent.id", index=True)
    csrf: str
    expires_at: datetime


class Erasure(SQLModel, table=True):
    """What remains of an erased customer: that it was done, when, and how many rows; no words, no address."""

    id: str = _id("era")
    customer_id: str = Field(unique=True)
    status: ErasureStatus = Field(default=ErasureStatus.PENDING, sa_type=_choice(ErasureStatus))
    requested_by: str
    requested_at: datetime = Field(default_factory=now)
    done_at: datetime | None = None
    receipt: dict[str, Any] | None = Field(default=None, sa_type=_json())


class Merge(SQLModel, table=True):
    """`other_id` was found to be the same person as `customer_id`; `moved` says what to give back."""

    id: str = _id("mrg")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    other_id: str = Field(foreign_key="customer.id", index=True)
    moved: dict[str, Any] = Field(default_factory=dict, sa_type=_json())
    actor: str
    at: datetime = Field(default_factory=now)
    undone_at: datetime | None = None
