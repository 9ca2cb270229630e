"""The people of the brand who use the console."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from recuerda.models.columns import new_key, now


class Agent(SQLModel, table=True):
    id: str = new_key("agt")
    email: str = Field(unique=True)
    name: str
    password_hash: str
    role: str = "reviewer"
    special: bool = False  # a reviewer who may see and confirm facts of a special category
    disabled_at: datetime | None = None
    failed_logins: int = 0
    locked_until: datetime | None = None
    created_at: datetime = Field(default_factory=now)


class AgentSession(SQLModel, table=True):
    __tablename__ = "agent_session"
    token_hash: str = Field(primary_key=True)  # SHA-256 of the cookie
    agent_id: str = Field(foreign_key="agent.id", index=True)
    csrf: str
    expires_at: datetime
