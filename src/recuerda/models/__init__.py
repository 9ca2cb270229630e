"""The tables. SQL is the truth; everything in Chroma can be made again from here.

Ids sort by time of making (see `ids`). Times are aware, UTC. `SQLModel(table=True)` does not
validate: what comes from outside is checked at the edge (`api`, `channels`), never here.
"""

from recuerda.models.access import ApiKey, AuditEntry
from recuerda.models.agents import Agent, AgentSession
from recuerda.models.columns import now
from recuerda.models.facts import Evidence, Fact, FactEvent
from recuerda.models.jobs import IdempotencyKey, Job, Recurring, WorkerBeat, not_done
from recuerda.models.memories import Document, Memory, Passage
from recuerda.models.people import Customer, Erasure, Identity, Merge
from recuerda.models.rights import Consent, DataRequest
from recuerda.models.talk import Conversation, Message
from recuerda.models.usage import ModelCall
from recuerda.models.words import (
    CURRENT,
    Assurance,
    Author,
    Category,
    ConversationStatus,
    Delivery,
    ErasureStatus,
    FactStatus,
    IdentityKind,
    JobState,
    Law,
    Purpose,
    RequestKind,
    RequestStatus,
    Review,
    Sensitivity,
    Source,
)

__all__ = [
    "CURRENT",
    "Agent",
    "AgentSession",
    "ApiKey",
    "Assurance",
    "AuditEntry",
    "Author",
    "Category",
    "Consent",
    "Conversation",
    "ConversationStatus",
    "Customer",
    "DataRequest",
    "Delivery",
    "Document",
    "Erasure",
    "ErasureStatus",
    "Evidence",
    "Fact",
    "FactEvent",
    "FactStatus",
    "IdempotencyKey",
    "Identity",
    "IdentityKind",
    "Job",
    "JobState",
    "Law",
    "Memory",
    "Merge",
    "Message",
    "ModelCall",
    "Passage",
    "Purpose",
    "Recurring",
    "RequestKind",
    "RequestStatus",
    "Review",
    "Sensitivity",
    "Source",
    "WorkerBeat",
    "not_done",
    "now",
]
