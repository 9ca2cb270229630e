"""What comes in and what goes out, checked here, at the edge."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from recuerda.api.fields import Data, Incoming, Line, Locale, LongText, Moment, Text, WebAddress
from recuerda.models import (
    Assurance,
    Author,
    Category,
    ConversationStatus,
    Delivery,
    IdentityKind,
    Sensitivity,
)
from recuerda.reviews import Decision


class CustomerRef(Incoming):
    """Who it is. Addresses that are known already find the customer; otherwise one is made."""

    external_id: Line | None = None
    email: Line | None = None
    phone: Line | None = None
    visitor: Line | None = None
    name: Line | None = None

    @model_validator(mode="after")
    def _somebody(self) -> "CustomerRef":
        if not self.addresses:
            raise ValueError("say who the customer is: external_id, email, phone or visitor")
        return self

    @property
    def addresses(self) -> dict[IdentityKind, str]:
        given = {kind: getattr(self, kind.value, None) for kind in IdentityKind}
        return {kind: value for kind, value in given.items() if value}


class NewConversation(Incoming):
    channel: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")] = "web"
    customer: CustomerRef | None = Field(None, description="Left out only with a customer's token.")
    locale: Locale | None = None


class UsageView(BaseModel):
    """What a language model was asked for this conversation: replies and finding facts."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None = Field(description="At the prices set; null when they are not known.")
    estimated: bool = Field(description="Some of it was counted by us: the model's server did not say.")


class ConversationView(BaseModel):
    id: str
    customer_id: str
    channel: str
    status: ConversationStatus
    memory: str = Field(description="`settled` once every job of this conversation has run, else `pending`.")
    remember: bool = Field(description="False once the customer asked not to remember this conversation.")
    locale: str | None
    language: str
    rating: int | None
    created_at: datetime
    last_message_at: datetime
    usage: UsageView | None = Field(
        None, description="Told to the brand when one conversation is read; null when no model was called."
    )


class NewMessage(Incoming):
    text: Annotated[str, Field(description="What the customer says.")]


class Because(BaseModel):
    """Why the reply knows something: the customer's words, and when."""

    fact_id: str
    statement: str
    quote: str | None
    at: datetime
    special: bool = Field(description="Of a special category: not to be shown to others without need.")


class Receipt(BaseModel):
    """What a reply rests on: ids of facts, memories and knowledge documents."""

    facts: list[str] = []
    memories: list[str] = []
    knowledge: list[str] = []
    because: list[Because] = []
    forgot: list[str] = []
    act: str | None = Field(None, description="What the reply did besides answering: forget, off_record, ...")
    asked: dict[str, Any] | None = Field(None, description="The one question about memory the reply put.")
    fallback: str | None = Field(None, description="Why the embedded engine answered for the model.")


class MessageView(BaseModel):
    id: str
    conversation_id: str
    author: Author
    text: str
    language: str
    at: datetime
    reply_to: str | None = None
    receipt: Receipt | None = None
    engine: str | None = None
    delivery: Delivery = Delivery.NONE


class ReplyView(BaseModel):
    id: str
    text: str
    language: str
    at: datetime
    receipt: Receipt
    engine: str


class TurnView(BaseModel):
    message: MessageView
    reply: ReplyView | None = Field(description="Null while a person has the conversation.")


class NewRating(Incoming):
    rating: int = Field(ge=1, le=5)
    comment: Text | None = None


class IdentityView(BaseModel):
    kind: IdentityKind
    value: str
    assurance: Assurance


class CustomerView(BaseModel):
    id: str
    name: str | None
    locale: str | None
    remember: bool = Field(description="False while nothing new is to be remembered, in any conversation.")
    created_at: datetime
    identities: list[IdentityView]


class NewFact(Incoming):
    """A fact the brand's system or an agent knows, without a conversation behind it."""

    category: Category
    statement: Text
    attribute: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,60}$")] | None = None
    value: Line | None = None
    language: Locale | None = None
    subject: Line = "customer"
    sensitivity: Sensitivity = Sensitivity.NONE


class NewDecision(Incoming):
    decision: Decision
    statement: Text | None = None
    value: Line | None = None
    reason: Text | None = None


class NewMemoryItem(Incoming):
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
    text: Text
    at: Moment
    id: Line | None = Field(None, description="The brand's own id: saying it again replaces the item.")
    language: Locale | None = None
    data: Data | None = None


class MemoryView(BaseModel):
    id: str
    kind: str
    text: str
    at: datetime
    speaker: str | None
    channel: str | None
    conversation_id: str | None
    score: float


class Created(BaseModel):
    id: str


class NewMerge(Incoming):
    other_id: Line


class MergeView(BaseModel):
    id: str
    customer_id: str
    other_id: str
    at: datetime
    undone_at: datetime | None


class NewKnowledge(Incoming):
    title: Line
    text: LongText
    language: Locale
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")] = "article"
    url: WebAddress | None = None
    data: Data | None = None


class KnowledgeView(BaseModel):
    id: str
    title: str
    text: str
    kind: str
    language: str
    url: str | None
    score: float
