"""Questions answered from the brand's knowledge: its own sentences, whole and in order."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recuerda.embeddings import Vectors
from recuerda.language import Language, fold
from recuerda.memory.concepts import concepts
from recuerda.memory.places import OTHER, countries
from recuerda.memory.terms import analyse, term, words
from recuerda.turns import KnownPassage
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.reading import Part

_WHOLE = 75  # words: a section as short as this is told whole, it is about one thing
_MOST_WORDS = 80
_TITLED, _FOUND = 0.8, 0.8  # share of the question that a title says, and the search's score: that is it
_SAME = 0.55  # so alike that words do not have to agree
# Measured on the sample shop's questions and on as many that it cannot answer.
SURE = 0.41
PARTLY = 0.34
_MARKS = re.compile(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}|^\s*>\s?", re.MULTILINE)
_BLOCKS = re.compile(r"^\s*[-*+]\s+|^#+\s.*$", re.MULTILINE)  # an item begins anew; a heading is no sentence
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ENDS = re.compile(r"(?<=[.!?…])\s+(?=[A-ZÁÉÍÓÚÑÂÊÔÃÕÇ¿¡«\"“0-9])|\n{2,}|\n(?=\s*[|\d])")
_ABBREVIATED = re.compile(
    r"(?:\b(?:Sr|Sra|Dr|Dra|St|Av|No|Nº|aprox|approx|etc|e\.g|i\.e|p\. ?ej)|\b[A-Z])\.$"
)


Weights = Mapping[str, tuple[float, frozenset[str]]]  # term -> (how much it matters, its concepts)


@dataclass(frozen=True, slots=True)
class Answer:
    passage: KnownPassage
    text: str
    sure: float  # 0 to 1: how likely the passage answers
    titled: float  # share of the question that its title says


def sentences(markdown: str) -> list[str]:
    """The sentences of a passage without Markdown."""
    plain = _MARKS.sub("", _LINK.sub(r"\1", _BLOCKS.sub("\n\n", markdown)))
    found: list[str] = []
    for piece in (" ".join(p.split()) for p in _ENDS.split(plain)):
        if found and _ABBREVIATED.search(found[-1]):
            found[-1] = f"{found[-1]} {piece}"
        elif re.search(r"\w", piece):
            found.append(piece)
    return found


def best_answer(case: Case, part: Part) -> Answer | None:
    """From the passage the search found best, or a near one that says it better; in the customer's
    language when there is a choice. None when there is no passage."""
    return _best(_answers(case, part.mended, part.vector, articles(case, part), most=2))


def our_answer(case: Case, question: str) -> Answer | None:
    """To a question of ours: from what was searched for it, else the surest from any of the passages."""
    vector = case.embed([question])[0]
    if found := case.context.by_question.get(question):
        return _best(_answers(case, question, vector, _articles(found), most=2))
    answers = _answers(case, question, vector, _articles(case.context.knowledge))
    return max(answers, key=lambda a: a.sure, default=None)


def _best(answers: Sequence[Answer]) -> Answer | None:
    return max(answers, key=lambda a: a.passage.score + 0.15 * a.sure + 0.1 * a.titled, default=None)


def _answers(
    case: Case, question: str, vector: Vectors, passages: Sequence[KnownPassage], most: int | None = None
) -> list[Answer]:
    ours = [p for p in passages if p.language == case.context.language] or list(passages)
    return [_answer(case, question, vector, passage) for passage in ours[:most] if passage.text.strip()]


def _answer(case: Case, question: str, vector: Vectors, passage: KnownPassage) -> Answer:
    lines = sentences(passage.text) or [passage.text]
    heading = passage.title.split(" › ")[-1]
    alike = case.vectors.published([*lines, heading, " ".join(lines)]) @ vector
    weights = _weights(case, question)
    covers = np.array([_coverage(weights, line, passage.language) for line in lines])
    whole = _coverage(weights, f"{passage.title} {' '.join(lines)}", passage.language)
    whole_section = sum(len(line.split()) for line in lines) <= _WHOLE
    chosen = lines if whole_section else _chosen(lines, alike[: len(lines)] + 0.35 * covers)
    sure = _sure(alike, whole, passage.language == case.context.language)
    if weights and float(alike.max()) < _SAME and not _has_the_rarest(weights, passage):
        sure = min(sure, SURE - 0.01)
    titled = _coverage(weights, passage.title, passage.language)
    if titled >= _TITLED and passage.score >= _FOUND:
        sure = max(sure, SURE)
    return Answer(passage, " ".join(chosen), sure, titled)


def _sure(alike: Vectors, covered: float, same_language: bool) -> float:
    best, mean_of_best = float(alike.max()), float(np.sort(alike)[-2:].mean())
    return 0.4 * best + 0.2 * mean_of_best + 0.4 * covered if same_language else 0.9 * best


def _has_the_rarest(weights: Weights, passage: KnownPassage) -> bool:
    """Whether the passage has the word that matters most: "parking" is not answered by the shop's hours."""
    there = published_terms(f"{passage.title} {passage.text}", passage.language)
    most = max(weight for weight, _ in weights.values())
    return any(_says(there, term, ideas) for term, (weight, ideas) in weights.items() if weight == most)


def _chosen(lines: Sequence[str], scores: NDArray[Any]) -> list[str]:
    """The best sentence and those nearly as good, up to the limit, in their order."""
    best = int(np.argmax(scores))
    picked, words = {best}, len(lines[best].split())
    for index in map(int, np.argsort(-scores)):
        near = min(abs(index - p) for p in picked) <= 1
        length = len(lines[index].split())
        good = scores[index] >= scores[best] * (0.55 if near else 0.75)
        if index not in picked and good and words + length <= _MOST_WORDS and len(picked) < 4:
            picked.add(index)
            words += length
    return [lines[index] for index in sorted(picked)]


@lru_cache(maxsize=4000)
def published_terms(text: str, language: Language) -> frozenset[str]:
    """The search terms of something the brand published, the concepts and the countries behind its words."""
    return frozenset((*analyse(text, language), *concepts(text), *countries(text)))


def _weights(case: Case, question: str) -> Weights:
    """Terms of the question; the rarer in what the shop publishes, the more it matters to find them."""
    language = case.context.language
    shelf = [*case.context.products, *case.context.knowledge]
    known = [published_terms(f"{p.title} {p.text}", p.language) for p in shelf]
    plain = case.words.cues["generic"].sub(" ", fold(question))
    said = {term(word, language): word for word in words(plain)}
    said.pop("", None)
    return {
        t: (math.log(1 + len(known) / (1 + sum(t in there for there in known))), _ideas(word, plain))
        for t, word in said.items()
    }


def _ideas(word: str, plain: str) -> frozenset[str]:
    """What else may be said for `word` of the question `plain`: its concepts, its country."""
    places = countries(plain)
    if places and places != countries(re.sub(rf"\b{re.escape(word)}\b", " ", plain)):
        return places | {OTHER}
    return frozenset(concepts(word))


def _says(there: frozenset[str], term: str, ideas: frozenset[str]) -> bool:
    """By the word itself, or by another for the same."""
    return term in there or not ideas.isdisjoint(there)


def _coverage(weights: Weights, text: str, language: Language) -> float:
    there = published_terms(text, language)
    total = sum(weight for weight, _ in weights.values())
    covered = sum(weight for term, (weight, ideas) in weights.items() if _says(there, term, ideas))
    return covered / total if total else 0.0


def articles(case: Case, part: Part) -> list[KnownPassage]:
    return _articles(case.passages(part))


def _articles(passages: Sequence[KnownPassage]) -> list[KnownPassage]:
    return [passage for passage in passages if passage.kind != "product"]


def answerable(case: Case, part: Part, *, least: float = SURE) -> Answer | None:
    """The answer when the knowledge surely holds it."""
    found = best_answer(case, part)
    return found if found and found.sure >= least else None


def answer_question(case: Case, part: Part) -> str | None:
    """The answer with its source; when it may only be near, that is said; None when nothing is."""
    found = answerable(case, part, least=PARTLY)
    if found is None:
        return None
    if found.sure >= SURE:
        return told(case, found)
    return f"{case.say('partial')} {told(case, found)} {case.say('offer_person')}"


def told(case: Case, answer: Answer) -> str:
    passage = answer.passage
    case.use(knowledge=[passage.document_id])
    cite(case, passage)
    if passage.language == case.context.language:
        return answer.text
    language = case.speech.language_name(passage.language)
    return f"{case.say('other_language', language=language)} {case.say('quote', text=answer.text)}"


def cite(case: Case, passage: KnownPassage) -> None:
    title = case.say("quote", text=passage.title.split(" › ")[0])
    if passage.url:
        case.link(case.say("source", title=title, url=passage.url))
    else:
        case.link(case.say("source_no_url", title=title))


def unknown(case: Case) -> str:
    return f"{case.say('unknown')} {case.say('offer_person')}"
