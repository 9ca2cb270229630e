"""The sample shop and the cases of evals/datasets/replies, as contexts for the embedded engine."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from recuerda.app import Recuerda, running
from recuerda.demo import load_knowledge
from recuerda.embeddings import SentenceEncoder
from recuerda.extraction import Turn
from recuerda.language import Language
from recuerda.turns import Context, KnownFact, KnownMemory, Said, Used
from recuerda.turns.context import stated
from recuerda.turns.embedded import EmbeddedEngine
from recuerda.turns.lookup import Products, look_up
from tests.conftest import make_settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DATASETS = Path(__file__).parents[2] / "evals" / "datasets" / "replies"


@cache
def engine() -> EmbeddedEngine:
    return EmbeddedEngine(SentenceEncoder())


def cases(language: Language) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATASETS / f"{language}.jsonl").read_text("utf-8").splitlines()]


@dataclass
class Answered:
    text: str
    used: Used
    context: Context


class ReplyShop:
    """The shop's real knowledge and extractor around the engine; facts and orders are the case's."""

    def __init__(self, recuerda: Recuerda) -> None:
        self._recuerda = recuerda

    async def context(self, case: dict[str, Any]) -> Context:
        language, message = case["lang"], case["message"]
        said = [Said(**turn) for turn in case.get("transcript", [])]
        vector = self._recuerda.embedder.embed([message])[0]
        turns = [*(Turn(s.author, s.text) for s in said), Turn("customer", message)]
        heard = await self._recuerda.listener.extract(turns, only=[len(turns) - 1], language=language)
        found = await look_up(
            self._recuerda.knowledge, message, language=language, locale=case.get("locale"), heard=heard
        )
        return Context(
            brand="Vereda",
            message=message,
            language=language,
            now=NOW,
            customer_name=case.get("name"),
            transcript=said,
            facts=[self._fact(fact, language, vector) for fact in case["facts"]],
            heard=heard,
            memories=[],
            orders=[_memory(order) for order in case["orders"]],
            knowledge=found.passages,
            by_question=found.by_question,
            slips=found.slips,
            products=await Products(self._recuerda.knowledge).of(language),
            locale=case.get("locale"),
            remembers=case.get("remembers", True),
            unkept=await stated(self._recuerda.listener, said, language)
            if not case.get("remembers", True)
            else (),
        )

    def _fact(self, fact: dict[str, Any], language: Language, vector: Any) -> KnownFact:
        relevance = float(self._recuerda.embedder.embed([fact["statement"]])[0] @ vector)
        given = {"subject": "customer", "language": language, "relevance": relevance} | fact
        return KnownFact(**given | {"said_at": datetime.fromisoformat(fact["said_at"])})

    async def reply(self, case: dict[str, Any]) -> Answered:
        context, used = await self.context(case), Used()
        text = "".join([piece async for piece in engine().reply(context, used)])
        return Answered(text, used, context)


def _memory(order: dict[str, Any]) -> KnownMemory:
    given = {"speaker": None, "score": 1.0} | order
    return KnownMemory(**given | {"at": datetime.fromisoformat(order["at"])})


@cache
def _folder() -> TemporaryDirectory[str]:
    """One for the whole run: the knowledge is loaded into it once."""
    return TemporaryDirectory(ignore_cleanup_errors=True)


@asynccontextmanager
async def reply_shop() -> AsyncIterator[ReplyShop]:
    async with running(make_settings(Path(_folder().name) / "data"), work=False) as recuerda:
        await load_knowledge(recuerda)
        yield ReplyShop(recuerda)


_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def strange_numbers(answered: Answered) -> list[str]:
    """Numbers of a reply that stand neither in its context nor in the message."""
    context = answered.context
    told = [context.message, *(said.text for said in context.transcript)]
    told += [f"{fact.quote} {fact.statement} {fact.value} {fact.said_at:%d %Y}" for fact in context.facts]
    told += [f"{memory.text} {memory.data} {memory.at:%d %Y}" for memory in context.orders]
    told += [f"{p.title} {p.text} {p.data} {p.url}" for p in (*context.knowledge, *context.products)]
    known = {_digits(number) for text in told for number in _NUMBER.findall(text)}
    etas = [str((memory.data or {}).get("eta", "")) for memory in context.orders]
    known |= {part.lstrip("0") for eta in etas for part in eta.split("-")}
    return [number for number in _NUMBER.findall(answered.text) if _digits(number) not in known]


def _digits(number: str) -> str:
    """`459.000`, `459,000` and `459000` are one number, and so are `639,90` and `639.9`."""
    whole = re.sub(r"[.,](\d{1,2})$", r"|\1", number)
    head, _, tail = whole.partition("|")
    return re.sub(r"[.,]", "", head).lstrip("0") + ("." + tail.rstrip("0") if tail.rstrip("0") else "")
