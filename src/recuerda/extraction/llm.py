"""Facts with a language model: a second reader, asked only about what the classifier is in doubt of.

The embedded engine reads the messages. Where it is so sure that no word of the model could change the
outcome, none is asked for; otherwise one structured call says of each doubtful clause which kind of fact it
is, or none. The two are weighed as evidence is, in log-odds. What comes of it are the same drafts as ever,
verbatim and guarded; those on which the readers differ are `contested`: proposed, for a person to judge.
"""

import asyncio
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, create_model

from recuerda import masking, prompts
from recuerda.extraction import Draft, Turn
from recuerda.extraction.bars import OWN, Judged
from recuerda.extraction.embedded import EmbeddedExtractor, just_before
from recuerda.extraction.guards import privilege
from recuerda.extraction.model import CATEGORIES
from recuerda.language import Language, detect
from recuerda.llm import ChatModel
from recuerda.models import Category

Kind = Literal[
    "nothing", "identity", "contact", "location", "fit", "health", "preference", "activity", "possession",
    "issue", "intent", "event",
]  # fmt: skip
Place = tuple[int, int]  # a turn, and one of its clauses
Judgement = Mapping[int, Sequence[Judged]]  # turn -> its clauses, as the classifier sees them
_FRAME, _EACH = 20, 15  # tokens of the answer: around it, and for a passage


class LLMExtractor:
    """`trust`: the log-odds that the model's word adds or takes; `python -m evals.bench.llm_extraction`
    measures what a model deserves."""

    name = "llm"

    def __init__(self, llm: ChatModel, embedded: EmbeddedExtractor, trust: float = 0.5) -> None:
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
        spoken = language or detect(" ".join(t.text for t in turns if t.role == "customer"), "en")
        judged = await asyncio.to_thread(self._embedded.judge, turns, wanted)
        doubtful = list(self.doubtful(turns, judged))
        said = await self.ask(turns, judged, doubtful) if doubtful else {}
        return await asyncio.to_thread(self.weigh, turns, judged, said, spoken, faint)

    def doubtful(self, turns: Sequence[Turn], judged: Judgement) -> Iterator[Place]:
        """The clauses of which the model's word can change something."""
        surely = _log_odds(self._embedded.fact_at) + self._trust
        hardly = _log_odds(self._embedded.fact_at - OWN) - self._trust
        for i, clauses in judged.items():
            barred = self._embedded.barred(turns, i, clauses)
            for k, item in enumerate(clauses):
                ours = k in barred or privilege(item.text)  # not for the model to decide
                if not ours and hardly <= _log_odds(item.fact) <= surely:
                    yield i, k

    async def ask(
        self, turns: Sequence[Turn], judged: Judgement, doubtful: Sequence[Place]
    ) -> dict[Place, Category | None]:
        """What the model takes each clause for; None is nothing to record. Raises `Unavailable`."""
        shown = [Turn(t.role, masking.mask(t.text, just_before(turns, i))) for i, t in enumerate(turns)]
        passages = [judged[i][k].text for i, k in doubtful]
        prompt = prompts.render("extract", turns=shown, passages=passages)
        shape, longest = _labels(len(passages)), _FRAME + _EACH * len(passages)
        answer = await self._llm.structured(prompt, shape, max_tokens=longest)
        kinds = answer.model_dump().values()
        return {
            place: None if kind == "nothing" else Category(kind)
            for place, kind in zip(doubtful, kinds, strict=True)
        }

    def weigh(
        self,
        turns: Sequence[Turn],
        judged: Judgement,
        said: Mapping[Place, Category | None],
        language: Language,
        faint: bool = False,
    ) -> list[Draft]:
        """Drafts of the clauses as `judged`, given what the model `said` of some of them."""
        drafts: list[Draft] = []
        for i, clauses in judged.items():
            found = self._embedded.message(turns, i, clauses, language, faint=faint)
            named = {k: kind for k in range(len(clauses)) if (kind := said.get((i, k)))}
            silent = [clauses[k] for k in range(len(clauses)) if (i, k) in said and k not in named]
            if named:
                alone = {(d.start, d.end) for d in found if not d.faint}
                heard = [self._seconded(j, named[k]) if k in named else j for k, j in enumerate(clauses)]
                both = self._embedded.message(turns, i, heard, language, faint=faint)
                found = [d if d.faint or (d.start, d.end) in alone else _contest(d) for d in both]
            drafts += self._doubted(found, silent)
        return drafts

    def _seconded(self, item: Judged, kind: Category) -> Judged:
        """A clause that the model takes for a fact too."""
        weights = item.categories.copy()
        weights[CATEGORIES.index(kind)] *= math.exp(self._trust)
        weights /= weights.sum()
        best = int(weights.argmax())
        return replace(
            item,
            fact=_chance(_log_odds(item.fact) + self._trust),
            category=CATEGORIES[best],
            certainty=float(weights[best]),
            categories=weights,
        )

    def _doubted(self, drafts: Sequence[Draft], silent: Sequence[Judged]) -> list[Draft]:
        """`drafts` without what is unlikely, now that the model took these clauses for nothing.

        What a rule takes for a fact, though the classifier would not, is not the model's to judge.
        """
        fact_at, kept = self._embedded.fact_at, []
        for draft in drafts:
            item = next((j for j in silent if j.clause.start <= draft.start < j.clause.end), None)
            if draft.faint or item is None or item.fact < fact_at:
                kept.append(draft)
            elif (chance := _chance(_log_odds(item.fact) - self._trust)) >= fact_at:
                kept.append(replace(draft, confidence=round(chance, 3)))
            elif chance >= 1 - fact_at:
                kept.append(_contest(replace(draft, confidence=round(chance, 3))))
        return kept


def _contest(draft: Draft) -> Draft:
    return replace(draft, contested=True)


@cache
def _labels(passages: int) -> type[BaseModel]:
    """The shape of the answer: `{"1": kind, "2": kind, ...}`, a kind for each passage."""
    fields: dict[str, Any] = {str(n): (Kind, ...) for n in range(1, passages + 1)}
    return create_model("Labels", __config__=ConfigDict(extra="forbid"), **fields)


def _log_odds(chance: float) -> float:
    chance = min(max(chance, 1e-6), 1 - 1e-6)
    return math.log(chance / (1 - chance))


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
