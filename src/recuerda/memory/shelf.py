"""All passages of the brand's knowledge in memory, ready to be searched. No I/O.

A passage is scored by a weighted sum: BM25 of its words and word pairs, BM25 of the whole document, the
likeness of meaning to the question, and BM25 of the concepts (see `concepts`) of passage, document and
title. The weights were chosen on the sample shop's questions (`evals/bench/knowledge.py`); how long messages
are looked up is told in `letters`. The last step maps the sum to a score by which one can abstain: a word in
common with a question about something else is common, a likeness of meaning is not, so there it counts for
more.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np

from recuerda.embeddings import Vectors, from_bytes
from recuerda.language import Language
from recuerda.memory.concepts import concepts
from recuerda.memory.letters import Letters, Scores
from recuerda.memory.lexicon import Lexicon
from recuerda.memory.sections import Sections, question
from recuerda.memory.spelling import Spelling
from recuerda.memory.terms import analyse
from recuerda.models import Document, Passage

FLOOR = 0.25  # chosen on the sample shop's questions: 94% of those it can answer pass, 14% of those it cannot
_WORDS, _DOCUMENT, _MEANING = 0.2, 0.35, 0.5
_CONCEPTS, _DOCUMENT_CONCEPTS, _TITLE_CONCEPTS = 0.2, 0.5, 0.15
_BRIEF, _LONG = 20, 0.05  # a question has so many words; what is left of one in a message that is none
_NAMED = 0.3  # the sum of what a long message names at least: enough to be known
_SAME_LANGUAGE = 0.3  # another language's passage must be this much better to come first
_MIDDLE, _STEEPNESS = 0.4, 8.0  # of the sum: where the score is 0.5, and how fast it gets there
_LIKE, _ALIKE = 1.5, 0.27  # what likeness of the document beyond the usual adds to the sum for the score


@dataclass(frozen=True, slots=True)
class KnowledgeHit:
    passage_id: str
    document_id: str
    kind: str
    title: str  # document › heading
    url: str | None
    text: str
    language: Language
    data: dict[str, Any] | None
    score: float  # 0 to 1; below FLOOR we do not know


class Shelf:
    """Immutable but for what it has worked out."""

    def __init__(self, documents: Sequence[Document], passages: Sequence[Passage]) -> None:
        """`passages` only of these documents."""
        self.documents = {document.id: document for document in documents}
        self.passages = list(passages)
        places = {id: place for place, id in enumerate(self.documents)}
        self._owner = np.array([places[p.document_id] for p in passages], np.int64)
        self._languages = np.array([p.language for p in passages])
        self._kinds = np.array([self.documents[p.document_id].kind for p in passages])
        self._matrix: Vectors = np.stack([from_bytes(p.embedding) for p in passages or ()] or [_NOTHING])
        self.vectors: Mapping[str, Vectors] = {
            p.id: row for p, row in zip(passages, self._matrix, strict=False)
        }
        twice = [f"{p.title}\n{p.title}\n{p.text}" for p in passages]
        spoken = [cast(Language, p.language) for p in passages]
        self._words = Lexicon([_pairs(analyse(t, lang)) for t, lang in zip(twice, spoken, strict=True)])
        whole = [f"{d.title}\n{d.text}" for d in documents]
        said = [cast(Language, d.language) for d in documents]
        self._whole = Lexicon([analyse(t, lang) for t, lang in zip(whole, said, strict=True)])
        self._concepts = Lexicon([concepts(text) for text in twice])
        self._whole_concepts = Lexicon([concepts(text) for text in whole])
        self._title_concepts = Lexicon([concepts(p.title) for p in passages])
        self._letters = Letters(documents, said)
        self._compared: dict[str, tuple[list[int], Sections]] = {}
        self._spelling = Spelling(zip(whole, said, strict=True))

    def slips(self, text: str, language: Language) -> dict[str, str]:
        """The words of `text` that are mistyped, as far as these texts can tell, put right."""
        return self._spelling.slips(text, language)

    def search(
        self,
        query: str,
        vector: Vectors,
        language: Language,
        limit: int,
        kinds: Collection[str] | None,
        near: Mapping[str, float] | None = None,
        country: str | None = None,
    ) -> list[KnowledgeHit]:
        """Each document's passage that answers, the best document first. `near` are the cosines of the
        passages most like the query, by passage; without it they are computed here. `country` is where the
        customer is."""
        if not self.passages:
            return []
        if near is None:
            likeness = self._matrix @ vector.ravel()
        else:
            likeness = np.array([near.get(p.id, 0.0) for p in self.passages], np.float32)
        likeness = np.clip(likeness, 0.0, 1.0)
        terms = analyse(query, language)
        # How much it is a question, and how much a long message, which speaks of many things.
        brief = min(1.0, _BRIEF / max(len(terms), 1)) ** 2
        sums = np.zeros_like(likeness)
        if brief > _LONG:
            sums += brief * self._answers(query, terms, likeness)
        if brief < 1:
            self._add_letter(sums, 1 - brief, query, terms, language)
        order = sums + _SAME_LANGUAGE * (self._languages == language)
        if kinds is not None:
            order = np.where(np.isin(self._kinds, list(kinds)), order, -1.0)
        asked = question(query, language, country)
        hits: dict[str, KnowledgeHit] = {}
        for index in np.argsort(-order, kind="stable"):
            if len(hits) == limit or order[index] < 0:
                break
            document = self.passages[index].document_id
            if document not in hits:
                places, sections = self._sections(document)
                best = self.passages[places[sections.best(asked, likeness[places].tolist())]]
                alike = float(likeness[places].max()) - _ALIKE
                hits[document] = self._hit(best, float(sums[index]) + brief * _LIKE * alike)
        return list(hits.values())

    def _sections(self, document: str) -> tuple[list[int], Sections]:
        """The places of its passages among all, and these compared; made when first asked about."""
        if document not in self._compared:
            places = [n for n, passage in enumerate(self.passages) if passage.document_id == document]
            language = cast(Language, self.documents[document].language)
            self._compared[document] = (
                places,
                Sections([self.passages[n] for n in places], language, self._words.idf),
            )
        return self._compared[document]

    def _answers(self, query: str, terms: list[str], likeness: Scores) -> Scores:
        ideas = concepts(query)
        whole = _DOCUMENT * self._whole.scores(terms)
        whole += _DOCUMENT_CONCEPTS * self._whole_concepts.scores(ideas)
        return np.asarray(
            _WORDS * self._words.scores(_pairs(terms))
            + _MEANING * likeness
            + _CONCEPTS * self._concepts.scores(ideas)
            + _TITLE_CONCEPTS * self._title_concepts.scores(ideas)
            + whole[self._owner],
            np.float32,
        )

    def _add_letter(
        self, sums: Scores, share: float, query: str, terms: list[str], language: Language
    ) -> None:
        documents, named = self._letters.scores(query, terms, language)
        sums += share * documents[self._owner]
        for place in named:
            own = np.flatnonzero(self._owner == place)
            best = own[np.argmax(sums[own])]
            sums[best] = max(sums[best], _NAMED)

    def _hit(self, passage: Passage, total: float) -> KnowledgeHit:
        document = self.documents[passage.document_id]
        return KnowledgeHit(
            passage_id=passage.id,
            document_id=document.id,
            kind=document.kind,
            title=passage.title,
            url=document.url,
            text=passage.text,
            language=cast(Language, passage.language),
            data=document.data,
            score=float(1 / (1 + np.exp(-_STEEPNESS * (total - _MIDDLE)))),
        )


_NOTHING = np.zeros(1, np.float32)


def _pairs(terms: list[str]) -> list[str]:
    """The terms and each two neighbours: "credit card" says more than "credit" and "card"."""
    return terms + [f"{one} {two}" for one, two in pairwise(terms)]
