"""What the language model cost."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from recuerda.models.columns import new_key, now


class ModelCall(SQLModel, table=True):
    """One call of the model for a conversation: counts only, no words."""

    __tablename__ = "model_call"
    id: str = new_key("mcl")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    conversation_id: str = Field(foreign_key="conversation.id", index=True, ondelete="CASCADE")
    message_id: str | None = Field(  # the customer's
        default=None, foreign_key="message.id", index=True, ondelete="SET NULL"
    )
    purpose: str  # reply or extraction
    model: str
    input_tokens: int
    output_tokens: int
    estimated: bool = False  # counted by us: the server did not say
    seconds: float
    cost: float | None = None  # at the prices of that day, in their currency; None when they are not set
    at: datetime = Field(default_factory=now)
