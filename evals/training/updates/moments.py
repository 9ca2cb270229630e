"""What a customer's message meets: the facts known before it, and whether it ends them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from evals.training.stories import Story
from recuerda.embeddings import SentenceEncoder, Vectors
from recuerda.extraction import Draft, Turn
from recuerda.extraction.changes import Known
from recuerda.extraction.embedded import EmbeddedExtractor
from recuerda.extraction.outdated import Said
from recuerda.extraction.subjects import CUSTOMER
from recuerda.language import Language
from recuerda.models import Category, FactStatus, Review, Source

HEARD = 6  # turns to understand a message by, itself included
HALF = 0.5  # of the shorter of two spans, from which they are of the same fact


@dataclass(frozen=True, slots=True)
class Moment:
    """A message, and the facts known before it with whether it ends them."""

    story: int
    said: Said
    known: list[Known]
    over: list[bool]


class Reader:
    def __init__(self) -> None:
        self.encoder = SentenceEncoder()
        self.extractor = EmbeddedExtractor(self.encoder)

    def said(self, turns: Sequence[Turn], language: Language) -> Said:
        """The last of the turns as the product hears it."""
        heard = turns[-HEARD:]
        drafts = self.extractor.extract_now(heard, [len(heard) - 1], language, faint=True)
        texts = [turns[-1].text, *(d.statement for d in drafts)]
        vectors = self.encoder.embed(texts)
        return Said(texts[0], vectors[0], dict(zip(texts[1:], vectors[1:], strict=True)), drafts)

    def known(self, statement: str, category: Category, draft: Draft | None = None) -> Known:
        vector: Vectors = self.encoder.embed([statement])[0]
        return Known(
            id="fct", category=category, attribute=draft.attribute if draft else None,
            value=draft.value if draft else None,
            statement=statement, subject=draft.subject if draft else CUSTOMER, status=FactStatus.ACTIVE,
            confidence=1.0, source=Source.CONVERSATION, review=Review.NOT_NEEDED,
            valid_from=datetime(2026, 1, 1, tzinfo=UTC), embedding=vector,
        )  # fmt: skip

    def fact(self, fact: dict[str, Any], said: Said) -> Known:
        """As the product noted it, or, where it did not, as it was said."""
        start = said.text.index(fact["quote"])
        end = start + len(fact["quote"])
        sure = [d for d in said.drafts if not d.faint and not d.spare]
        shared = {d: min(end, d.end) - max(start, d.start) for d in sure}
        heard = {d: n for d, n in shared.items() if n >= HALF * min(end - start, d.end - d.start)}
        if heard:
            draft = max(heard, key=lambda d: heard[d])
            return self.known(draft.statement, draft.category, draft)
        return self.known(fact["quote"][0].upper() + fact["quote"][1:], Category(fact["categories"][0]))

    def moments(self, number: int, story: Story) -> Iterator[Moment]:
        """What each message of the customer meets."""
        told: list[tuple[dict[str, Any], Known]] = []
        for t, talk in enumerate(story["talks"]):
            turns: list[Turn] = []
            for k, turn in enumerate(talk["turns"]):
                turns.append(Turn(turn["role"], turn["text"]))
                if turn["role"] != "customer":
                    continue
                said, here = self.said(turns, story["lang"]), [t, k]
                left = [(f, known) for f, known in told if "over" not in f or f["over"] >= here]
                if left:
                    over = [f.get("over") == here for f, _ in left]
                    yield Moment(number, said, [known for _, known in left], over)
                told += [(f, self.fact(f, said)) for f in story["facts"] if [f["talk"], f["turn"]] == here]
