"""The words a column may hold."""

from enum import StrEnum


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


CURRENT = (FactStatus.ACTIVE, FactStatus.PROPOSED)  # may be used, or will be once somebody agrees


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


class Purpose(StrEnum):
    """What a customer's data may be used for."""

    SERVICE = "service"
    MARKETING = "marketing"
    SPECIAL = "special"  # remembering health and other special categories


class Law(StrEnum):
    GDPR = "gdpr"
    LGPD = "lgpd"
    LEY1581 = "ley1581"


class RequestKind(StrEnum):
    ACCESS = "access"
    ERASURE = "erasure"
    CORRECTION = "correction"
    OBJECTION = "objection"


class RequestStatus(StrEnum):
    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
