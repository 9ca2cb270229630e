"""One turn: recall, context, reply, receipt. Two engines write replies behind one interface."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from recuerda.extraction import Draft, Role
from recuerda.language import Language

Intent = Literal["answer", "handoff", "forget", "undo"]


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A current fact of the customer, as a reply may use it."""

    id: str
    category: str
    attribute: str | None
    value: str | None
    statement: str
    subject: str
    language: Language
    said_at: datetime
    quote: str | None  # the customer's words, when they said it in a conversation
    relevance: float  # cosine of the statement with the message, -1 to 1
    proposed: bool = False  # awaits consent or review: may be shown to the customer, never acted upon


@dataclass(frozen=True, slots=True)
class KnownMemory:
    """An item of the customer's history: an order, a return, a note, something said before."""

    id: str
    kind: str
    text: str
    at: datetime
    speaker: str | None
    data: dict[str, Any] | None
    score: float  # 0 to 1


@dataclass(frozen=True, slots=True)
class KnownPassage:
    """A part of the brand's knowledge. `data` is the whole product when kind is `product`."""

    id: str
    document_id: str
    kind: str
    title: str
    text: str
    url: str | None
    language: Language
    data: dict[str, Any] | None
    score: float  # 0 to 1; what is below the floor is not here


@dataclass(frozen=True, slots=True)
class Said:
    author: Role
    text: str


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a reply may use, already bound to one customer and cut to the token budget."""

    brand: str
    message: str
    language: Language
    now: datetime
    customer_name: str | None
    transcript: Sequence[Said]  # this conversation so far, oldest first, without the message
    facts: Sequence[KnownFact]  # most relevant first; every current one within the budget
    heard: Sequence[Draft]  # what the message itself states; not stored yet
    memories: Sequence[KnownMemory]  # what recall found for the message
    orders: Sequence[KnownMemory]  # all orders and returns, newest first
    knowledge: Sequence[KnownPassage]  # best first
    products: Sequence[KnownPassage]  # the catalogue in the customer's language, for recommending
    undoable: bool = False  # a reply just before forgot something
    locale: str | None = None  # es-CO: which currency to speak of


@dataclass(slots=True)
class Used:
    """What a reply rests on; becomes its receipt. `intent` asks the turn to do something besides."""

    facts: list[str] = field(default_factory=list)
    memories: list[str] = field(default_factory=list)
    knowledge: list[str] = field(default_factory=list)  # document ids
    intent: Intent = "answer"
    forget: list[str] = field(default_factory=list)  # fact ids the customer asked to forget
    forget_all: bool = False  # everything, also what did not fit into the context


class Engine(Protocol):
    @property
    def name(self) -> str: ...

    def reply(self, context: Context, used: Used) -> AsyncIterator[str]:
        """The reply's text, piece by piece; `used` is complete when it ends.

        Raises `Unavailable` before the first piece when a model it needs does not answer.
        """
        ...
