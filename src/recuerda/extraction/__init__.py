"""From what a customer says to drafted facts: one interface, two engines (embedded and LLM)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from recuerda.language import Language
from recuerda.models import Category, Sensitivity

Role = Literal["customer", "assistant", "agent"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance. Only a customer's is evidence; the others are context to understand it by."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact as an extractor proposes it: `turns[turn].text[start:end] == quote`, always."""

    category: Category
    attribute: str | None  # language-free, from the catalogue: shoe_size
    value: str | None  # language-free: "42"
    statement: str  # in the customer's language
    language: Language
    subject: str  # "customer", or who in the household: "daughter", "dog"
    quote: str
    turn: int
    start: int
    end: int
    confidence: float  # 0 to 1, calibrated
    sensitivity: Sensitivity
    corrects: bool = False  # the words around it take something back: "Correction: ..."
    unnamed: bool = False  # a size, and nothing said so far tells of which thing
    contested: bool = False  # one reader takes it for a fact and another does not: a person judges
    faint: bool = False  # not a fact by itself, but it may end or replace one that is known
    spare: bool = False  # fainter still: only worth keeping in the place of a fact that the message ends


class Extractor(Protocol):
    @property
    def name(self) -> str: ...

    async def extract(
        self,
        turns: Sequence[Turn],
        *,
        only: Collection[int] | None = None,
        language: Language | None = None,
        faint: bool = False,
    ) -> list[Draft]:
        """Facts stated in the customer turns whose index is in `only` (all of them when None).

        With `faint`, also what is too unsure to be a fact but sounds like a change of one.
        Raises `Unavailable` when an engine that needs a model cannot reach it.
        """
        ...
