"""Which section of a document answers a question: what tells it from its neighbours.

In an article on returns every section says "return"; what counts is the word that only some have. Weights
were chosen on 112 questions to the sample shop, in three languages.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from recuerda.language import Language, fold
from recuerda.memory.concepts import concepts
from recuerda.memory.places import OTHER, countries
from recuerda.memory.terms import analyse
from recuerda.models import Passage

_WORDS, _HEADING, _CONCEPTS, _HEADING_CONCEPTS, _MEANING = 0.1, 0.1, 0.1, 0.3, 1.5
_FIRST = 0.27  # a question in general is answered where the article begins
_ASKED, _ELSEWHERE = 0.8, 0.1  # of a place asked about; of others
_HERE, _THERE, _NAMED = 0.45, 0.3, 0.15  # headed by the customer's country, by another; that names theirs
_EXCEPTION = 0.3  # "what is not covered" answers only who asks about what is not
_TYPICAL = 3.0  # idf of a word in all that is published
_NOT = re.compile(r"\b(?:not|no|nao|cannot|can't|isn't|doesn't|don't|sin|sem|without|never|nunca)\b")


@dataclass(frozen=True, slots=True)
class Question:
    words: frozenset[str]
    ideas: frozenset[str]
    places: frozenset[str]  # countries it names
    country: str | None  # where the customer is
    negative: bool


def question(text: str, language: Language, country: str | None) -> Question:
    return Question(
        frozenset(analyse(text, language)),
        frozenset(concepts(text)),
        countries(text),
        country,
        bool(_NOT.search(fold(text))),
    )


@dataclass(frozen=True, slots=True)
class _Section:
    words: frozenset[str]
    ideas: frozenset[str]
    heading_words: frozenset[str]
    heading_ideas: frozenset[str]
    headed: frozenset[str]  # countries its heading names
    places: frozenset[str]  # those it names anywhere
    exception: bool


class Sections:
    """Of one document. Immutable."""

    def __init__(
        self, passages: Sequence[Passage], language: Language, rarity: Callable[[str], float]
    ) -> None:
        """`rarity` of a term in all that the brand publishes."""
        title = passages[0].title.split(" › ")[0]
        self._sections = [_section(passage, language) for passage in passages]
        self._places = frozenset[str]().union(*(section.places for section in self._sections))
        self._headed = frozenset[str]().union(*(section.headed for section in self._sections))
        words, ideas = analyse(title, language), concepts(title)
        here = _rarities([section.words for section in self._sections], words)
        self._words = {term: weight * rarity(term) / _TYPICAL for term, weight in here.items()}
        self._ideas = _rarities([section.ideas for section in self._sections], ideas)

    def best(self, asked: Question, likeness: Sequence[float]) -> int:
        """`likeness` of each section's vector to the question's."""
        places = asked.places & self._places or (asked.places and frozenset((OTHER,)))
        scores = [
            self._score(section, asked) + self._located(section, places, asked.country) + _MEANING * alike
            for section, alike in zip(self._sections, likeness, strict=True)
        ]
        scores[0] += _FIRST
        return max(range(len(scores)), key=lambda number: scores[number])

    def _score(self, section: _Section, asked: Question) -> float:
        score = _WORDS * _sum(self._words, asked.words & section.words)
        score += _HEADING * _sum(self._words, asked.words & section.heading_words)
        score += _CONCEPTS * _sum(self._ideas, asked.ideas & section.ideas)
        score += _HEADING_CONCEPTS * _sum(self._ideas, asked.ideas & section.heading_ideas)
        score -= _EXCEPTION * (section.exception and not asked.negative)
        return score

    def _located(self, section: _Section, asked: frozenset[str], country: str | None) -> float:
        if asked:
            return _ASKED if asked & section.places else -_ELSEWHERE * bool(section.places)
        if country in self._headed and section.headed:
            return _HERE if country in section.headed else -_THERE
        return _NAMED * (country in section.places)


def _section(passage: Passage, language: Language) -> _Section:
    heading = passage.title.split(" › ")[-1]
    text = f"{heading}\n{passage.text}"
    return _Section(
        words=frozenset(analyse(text, language)),
        ideas=frozenset(concepts(text)),
        heading_words=frozenset(analyse(heading, language)),
        heading_ideas=frozenset(concepts(heading)),
        headed=countries(heading),
        places=countries(f"{passage.title}\n{passage.text}"),
        exception=bool(_NOT.search(fold(heading))),
    )


def _rarities(sections: Sequence[Collection[str]], titled: Collection[str]) -> Mapping[str, float]:
    """BM25's idf over the sections of this document alone; half of it for what its title says."""
    counts: dict[str, int] = {}
    for said in sections:
        for term in said:
            counts[term] = counts.get(term, 0) + 1
    return {
        term: math.log1p((len(sections) - count + 0.5) / (count + 0.5)) * (0.5 if term in titled else 1.0)
        for term, count in counts.items()
    }


def _sum(weights: Mapping[str, float], terms: Collection[str]) -> float:
    return sum(weights[term] for term in terms if term in weights)
