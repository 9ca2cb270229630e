"""Questions answered from the brand's knowledge: its own sentences, whole and in order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recuerda.language import Language
from recuerda.memory.terms import analyse
from recuerda.turns import KnownPassage
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.reading import Part

_MOST_WORDS = 80
_MARKS = re.compile(r"^#+\s*|[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}|^\s*[-*+]\s+|^\s*>\s?", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ENDS = re.compile(r"(?<=[.!?…])\s+(?=[A-ZÁÉÍÓÚÑÂÊÔÃÕÇ¿¡«\"“0-9])|\n{2,}|\n(?=\s*[-*|\d])")
_ABBREVIATED = re.compile(
    r"(?:\b(?:Sr|Sra|Dr|Dra|St|Av|No|Nº|n|aprox|approx|etc|e\.g|i\.e|p\. ?ej)|\b[A-Z])\.$"
)


@dataclass(frozen=True, slots=True)
class Answer:
    passage: KnownPassage
    text: str
    sure: float  # 0 to 1


def sentences(markdown: str) -> list[str]:
    """The sentences of a passage without Markdown."""
    plain = _MARKS.sub("", _LINK.sub(r"\1", markdown))
    found: list[str] = []
    for piece in (" ".join(p.split()) for p in _ENDS.split(plain)):
        if found and _ABBREVIATED.search(found[-1]):
            found[-1] = f"{found[-1]} {piece}"
        elif re.search(r"\w", piece):
            found.append(piece)
    return found


def best_answer(
    case: Case, question: str, vector: np.ndarray, passages: Sequence[KnownPassage]
) -> Answer | None:
    """The most fitting sentences of the most fitting passage; None when there is no passage."""
    answers = [_answer(case, question, vector, passage) for passage in passages[:4]]
    return max((a for a in answers if a), key=lambda a: a.sure, default=None)


def _answer(case: Case, question: str, vector: np.ndarray, passage: KnownPassage) -> Answer | None:
    lines = sentences(passage.text)
    if not lines:
        return None
    heading = passage.title.split(" › ")[-1]
    dense = case.vectors.published([*lines, heading, f"{heading}. {' '.join(lines)}"]) @ vector
    asked = set(analyse(question, case.context.language))
    covers = np.array([_coverage(asked, line, passage.language) for line in lines])
    scores = dense[: len(lines)] + 0.35 * covers
    chosen = _chosen(lines, scores)
    overall = max(float(dense[: len(lines)].max()), float(dense[-2]), float(dense[-1]))
    whole = _coverage(asked, f"{passage.title} {' '.join(lines)}", passage.language)
    sure = 0.5 * overall + 0.25 * whole + 0.25 * passage.score
    return Answer(passage, " ".join(chosen), sure)


def _chosen(lines: Sequence[str], scores: np.ndarray) -> list[str]:
    """The best sentence and those nearly as good, up to the limit, in their order."""
    picked, words = {int(np.argmax(scores))}, len(lines[int(np.argmax(scores))].split())
    for index in np.argsort(-scores):
        near = min(abs(int(index) - p) for p in picked) <= 1
        length = len(lines[index].split())
        good = scores[index] >= scores.max() * (0.55 if near else 0.75)
        if int(index) not in picked and good and words + length <= _MOST_WORDS and len(picked) < 4:
            picked.add(int(index))
            words += length
    return [lines[index] for index in sorted(picked)]


def _coverage(asked: set[str], text: str, language: Language) -> float:
    return len(asked & set(analyse(text, language))) / len(asked) if asked else 0.0


SURE = 0.40
PARTLY = 0.33


def articles(case: Case) -> list[KnownPassage]:
    return [passage for passage in case.context.knowledge if passage.kind != "product"]


def answer_question(case: Case, part: Part, *, least: float = SURE) -> str | None:
    """The answer with its source; None when the knowledge does not hold it."""
    answer = best_answer(case, part.text, part.vector, articles(case))
    return told(case, answer) if answer and answer.sure >= least else None


def told(case: Case, answer: Answer, *, source: bool = True) -> str:
    passage = answer.passage
    case.use(knowledge=[passage.document_id])
    pieces = [answer.text]
    if passage.language != case.context.language:
        language = case.speech.language_name(passage.language)
        pieces = [case.say("other_language", language=language), case.say("quote", text=answer.text)]
    if source:
        pieces.append(cite(case, passage))
    return " ".join(pieces)


def cite(case: Case, passage: KnownPassage) -> str:
    title = case.say("quote", text=passage.title.split(" › ")[0])
    return (
        case.say("source", title=title, url=passage.url)
        if passage.url
        else case.say("source_no_url", title=title)
    )


def unknown(case: Case) -> str:
    return f"{case.say('unknown')} {case.say('offer_person')}"
