"""One turn: recall, context, reply, receipt. Two engines write replies behind one interface."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from recuerda.extraction import Draft, Role
from recuerda.language import Language

Intent = Literal[
    "answer",
    "handoff",
    "waiting",  # a person was called and has not come yet
    "forget",
    "undo",
    "off_record",  # nothing of this conversation is to be remembered
    "stop_memory",  # nor anything new in any
    "resume_memory",
    "agree",  # yes or no to the question of our last reply: consent ...
    "refuse",
    "renew",  # ... or whether something changed
    "keep",
]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question put to the customer, once: the yes or no right after it answers it.

    `facts` are the ids it is about; or those that `message`, by its id, teaches. `value` is what behaviour
    says instead of the fact's.
    """

    kind: Literal["consent", "drift"]
    facts: tuple[str, ...] = ()
    message: str | None = None
    value: str | None = None

    @property
    def about(self) -> str:
        return self.kind if self.value is None else f"{self.kind}: {self.value}"


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
    special: bool = False
    asked: frozenset[str] = frozenset()  # what the customer was asked about it already, see `Asked.about`


@dataclass(frozen=True, slots=True)
class Drift:
    """What the latest orders say instead of a fact."""

    fact_id: str
    value: str
    memories: tuple[str, ...]  # ids of those orders


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
    undoable: bool = False  # a reply just before forgot something, or turned memory off
    locale: str | None = None  # es-CO: which currency to speak of
    message_id: str = ""
    asked: Asked | None = None  # what our last reply asked
    remembers: bool = True  # whether what is said here will be remembered
    attended: bool = False  # a person has, or was called to, this conversation
    drifts: Sequence[Drift] = ()  # facts that the latest orders contradict
    by_question: Mapping[str, Sequence[KnownPassage]] = field(default_factory=dict)  # when it asks several
    slips: Mapping[str, str] = field(default_factory=dict)  # its mistyped words, and what was meant
    unkept: Sequence[Draft] = ()  # what this conversation stated before and nobody will remember


@dataclass(slots=True)
class Used:
    """What a reply rests on; becomes its receipt. `intent` asks the turn to do something besides."""

    facts: list[str] = field(default_factory=list)
    memories: list[str] = field(default_factory=list)
    knowledge: list[str] = field(default_factory=list)  # document ids
    intent: Intent = "answer"
    exact: bool = False  # an account of what is kept about the customer: no model may word it anew
    forget: list[str] = field(default_factory=list)  # fact ids the customer asked to forget
    forget_all: bool = False  # everything, also what did not fit into the context
    ask: Asked | None = None  # what the reply asks
    question: str = ""  # in words; the end of the reply
    statement: str | None = None  # of the fact that a yes makes


class Engine(Protocol):
    @property
    def name(self) -> str: ...

    def reply(self, context: Context, used: Used) -> AsyncIterator[str]:
        """The reply's text, piece by piece; `used` is complete when it ends.

        Raises `Unavailable` before the first piece when a model it needs does not answer.
        """
        ...
