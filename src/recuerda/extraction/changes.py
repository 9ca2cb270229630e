"""What is known, and what a new draft can do to it."""

from dataclasses import dataclass, replace
from datetime import datetime

from recuerda.embeddings import Vectors
from recuerda.extraction import Draft
from recuerda.extraction.catalogue import Catalogue
from recuerda.models import Category, FactStatus, Review, Sensitivity, Source

SURE = 0.6  # a draft below it does not overwrite what a person confirmed, and a person looks at it


@dataclass(frozen=True, slots=True)
class Known:
    """A stored fact, as much of it as reconciling needs."""

    id: str
    category: Category
    attribute: str | None
    value: str | None
    statement: str
    subject: str
    status: FactStatus
    confidence: float
    source: Source
    review: Review
    valid_from: datetime
    embedding: Vectors | None = None
    valid_to: datetime | None = None
    superseded_by: str | None = None  # the id of what took its place


@dataclass(frozen=True, slots=True)
class Record:
    """A new fact, and the ids of those it takes the place of."""

    draft: Draft
    supersedes: tuple[str, ...] = ()
    status: FactStatus = FactStatus.ACTIVE
    review: bool = False  # whether a person should look at it
    valid_from: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same said again: evidence for a fact we have."""

    fact_id: str
    draft: Draft


@dataclass(frozen=True, slots=True)
class Close:
    """The customer withdrew a fact, or what it was about is over."""

    fact_id: str
    draft: Draft | None  # what said so; None when no single clause of the message does
    reason: str


Change = Record | Repeat | Close


def new_record(
    draft: Draft,
    now: datetime,
    catalogue: Catalogue,
    *,
    supersedes: tuple[str, ...] = (),
    unsure: bool = False,
    bare: bool = False,
) -> Record:
    """The draft as a fact that holds from `now`.

    `unsure`: it waits for a person; `bare`: its attribute and value do not hold, its words do.
    """
    if bare:
        draft = replace(draft, attribute=None, value=None)
    special = draft.sensitivity is Sensitivity.SPECIAL
    proposed = special or unsure
    life = catalogue.lifetime(draft.category, draft.attribute)
    return Record(
        draft=draft,
        supersedes=supersedes,
        status=FactStatus.PROPOSED if proposed else FactStatus.ACTIVE,
        review=proposed or draft.confidence < SURE,
        valid_from=now,
        expires_at=now + life if life else None,
    )
