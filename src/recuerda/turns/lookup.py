"""What the brand's knowledge says to a message: as a whole, and to each thing it asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import is_

from recuerda.embeddings import Vectors
from recuerda.extraction import Draft
from recuerda.language import Language, country_of
from recuerda.memory import Knowledge, KnowledgeHit
from recuerda.models import Document
from recuerda.turns import KnownPassage
from recuerda.turns.embedded.pieces import pieces
from recuerda.turns.embedded.statements import follow_up

_PASSAGES = 6
_EACH = 4  # for one of several questions
_QUESTIONS = 3


@dataclass(frozen=True, slots=True)
class Found:
    passages: Sequence[KnownPassage]  # best first; each once
    by_question: Mapping[str, Sequence[KnownPassage]]  # as worded in the message, when it asks several; ours
    slips: Mapping[str, str]  # mistyped words of the message, and what was meant


async def look_up(
    knowledge: Knowledge,
    message: str,
    *,
    language: Language,
    locale: str | None,
    heard: Sequence[Draft] = (),
    query: str | None = None,
    vector: Vectors | None = None,
) -> Found:
    """`query` is the message with what it goes on from, `vector` that of the query."""
    country = country_of(locale)
    query = query or message
    hits = await knowledge.search(query, language=language, limit=_PASSAGES, vector=vector, country=country)
    asked: dict[str, list[KnowledgeHit]] = {}
    if following := follow_up(message, heard, language):
        asked[following] = await knowledge.search(following, language=language, limit=2)
    if len(parts := pieces(message)) > 1:
        for part in parts[:_QUESTIONS]:
            asked[part] = await knowledge.search(part, language=language, limit=_EACH, country=country)
    kept = {hit.passage_id: hit for hit in hits}
    for found in asked.values():
        kept.update({hit.passage_id: hit for hit in found[:2] if hit.passage_id not in kept})
    return Found(
        [passage(hit) for hit in kept.values()],
        {part: [passage(hit) for hit in found] for part, found in asked.items()},
        await knowledge.slips(message, language),
    )


def passage(hit: KnowledgeHit) -> KnownPassage:
    return KnownPassage(
        id=hit.passage_id,
        document_id=hit.document_id,
        kind=hit.kind,
        title=hit.title,
        text=hit.text,
        url=hit.url,
        language=hit.language,
        data=hit.data,
        score=hit.score,
    )


class Products:
    """The brand's products as passages: made once, the same as long as the knowledge is."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._made: dict[Language, tuple[list[Document], list[KnownPassage]]] = {}

    async def of(self, language: Language) -> list[KnownPassage]:
        documents = await self._knowledge.documents(kind="product", language=language)
        known = self._made.get(language)
        if known and len(known[0]) == len(documents) and all(map(is_, known[0], documents)):
            return known[1]
        made = [
            KnownPassage(d.id, d.id, d.kind, d.title, d.text, d.url, language, d.data, 0.0) for d in documents
        ]
        self._made[language] = documents, made
        return made
