"""Facts with a language model, checked by the embedded engine: cheaper than asking twice, better than either.

One structured call reads the conversation. Every quote must stand word for word in a customer's message,
secrets and orders to the assistant are dropped as ever, and the embedded classifier has a say: the model
moves the bar a clause must pass, up when it was silent about it and down when it named it.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from recuerda import prompts
from recuerda.extraction import Draft, Turn
from recuerda.extraction.embedded import EmbeddedExtractor
from recuerda.language import Language, detect
from recuerda.llm import ChatModel
from recuerda.masking import mask
from recuerda.models import Category

_TOKENS = 700  # of the answer: some thirty facts


class Found(BaseModel):
    quote: str = Field(description="words of the customer, copied exactly")
    category: Literal[
        "identity", "contact", "location", "fit", "health", "preference", "activity", "possession", "issue",
        "intent", "event",
    ]  # fmt: skip


class Findings(BaseModel):
    facts: list[Found]


class LLMExtractor:
    """`trust` is how far the model moves the classifier's bar, 0 to 0.5: more for a better model."""

    name = "llm"

    def __init__(self, llm: ChatModel, embedded: EmbeddedExtractor, trust: float = 0.2) -> None:
        self._llm, self._embedded, self._trust = llm, embedded, trust

    async def extract(
        self,
        turns: Sequence[Turn],
        *,
        only: Collection[int] | None = None,
        language: Language | None = None,
        faint: bool = False,
    ) -> list[Draft]:
        wanted = [i for i, t in enumerate(turns) if t.role == "customer" and (only is None or i in only)]
        if not wanted:
            return []
        shown = [
            Turn(t.role, mask(t.text, " ".join(p.text for p in turns[max(0, i - 3) : i])))
            for i, t in enumerate(turns)
        ]
        prompt = prompts.render("extract", turns=shown, only=wanted if only is not None else [])
        answer = await self._llm.structured(prompt, Findings, max_tokens=_TOKENS)
        spoken = language or detect(" ".join(t.text for t in turns if t.role == "customer"), "en")
        return await asyncio.to_thread(self._verified, turns, wanted, answer, spoken, faint)

    def _verified(
        self, turns: Sequence[Turn], wanted: Sequence[int], answer: Findings, language: Language, faint: bool
    ) -> list[Draft]:
        places = [
            (*place, Category(f.category)) for f in answer.facts if (place := _find(turns, wanted, f.quote))
        ]
        drafts: list[Draft] = []
        judged = self._embedded.judge(turns, wanted)
        for i in wanted:
            named = [(start, end, category) for turn, start, end, category in places if turn == i]
            drafts += self._embedded.message(
                turns, i, judged[i], language, named=named, trust=self._trust, faint=faint
            )
        return drafts


def _find(turns: Sequence[Turn], wanted: Sequence[int], quote: str) -> tuple[int, int, int] | None:
    """Where a customer said `quote` word for word, the latest first; None when nobody did."""
    words = quote.strip().strip("\"'“”.,;:!¡")
    for i in reversed(wanted):
        start = turns[i].text.find(words) if len(words) > 1 else -1
        if start >= 0:
            return i, start, start + len(words)
    return None
