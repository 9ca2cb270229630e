"""What was said."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from recuerda.models.columns import choice, json_column, new_key, now, text_column
from recuerda.models.words import Author, ConversationStatus, Delivery


class Conversation(SQLModel, table=True):
    id: str = new_key("cnv")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    channel: str
    status: ConversationStatus = Field(default=ConversationStatus.BOT, sa_type=choice(ConversationStatus))
    locale: str | None = None
    language: str = "en"
    # Allotted to the next message; taking it locks the row, which is what keeps a conversation in order.
    next_position: int = 0
    remember: bool = True  # off: nothing of this conversation is learnt or recalled
    rating: int | None = None
    rating_comment: str | None = Field(default=None, sa_type=text_column())
    external_id: str | None = Field(default=None, unique=True)
    created_at: datetime = Field(default_factory=now)
    last_message_at: datetime = Field(default_factory=now, index=True)


class Message(SQLModel, table=True):
    __table_args__ = (
        sa.UniqueConstraint("conversation_id", "position"),
        sa.UniqueConstraint("reply_to"),  # a message is answered once, however often the work is tried
    )
    id: str = new_key("msg")
    conversation_id: str = Field(foreign_key="conversation.id")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    position: int
    author: Author = Field(sa_type=choice(Author))
    text: str = Field(sa_type=text_column())
    language: str = "en"
    at: datetime = Field(default_factory=now)
    external_id: str | None = Field(default=None, unique=True)  # the channel's own id, such as a MessageSid
    reply_to: str | None = Field(default=None, foreign_key="message.id")
    receipt: dict[str, Any] | None = Field(default=None, sa_type=json_column())
    engine: str | None = None
    delivery: Delivery = Field(default=Delivery.NONE, sa_type=choice(Delivery))
