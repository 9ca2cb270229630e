"""What the classifier sees of a clause: its words and sentence, what came before, the question it answers."""

from bisect import bisect_left
from collections.abc import Sequence

from recuerda.extraction.clauses import Clause
from recuerda.extraction.signals import signals
from recuerda.extraction.tokens import Token, ngrams, shape, tokenize

SIZE = 1 << 15  # columns of the hashed words
OWN = frozenset("wcdhnxqa")  # prefixes of what is of the clause itself and of the question it answers
SHORT_ANSWER = 7  # words; a longer clause says what it means without its question


def _words(tokens: Sequence[Token]) -> list[str]:
    return [("0" * len(t.folded) if t.text.isdigit() else t.folded) for t in tokens]


def _bucket(n: int) -> int:
    return n if n < 5 else 5 + min(n // 4, 5)


class Message:
    """One customer message with what stands before it, read once for all its clauses."""

    def __init__(self, text: str, clauses: Sequence[Clause], before: str, asked_by: str | None) -> None:
        self.text, self.clauses = text, clauses
        self.tokens = tokenize(text)
        self.before = before  # the turn before, "" when none
        self.asked_by = asked_by  # its role
        self.question = question_in(before) if asked_by in {"assistant", "agent"} else ""
        self._question_words = _words(tokenize(self.question))
        starts = [t.start for t in self.tokens]
        # Tokens of each clause, as a range.
        self._places = [(bisect_left(starts, c.start), bisect_left(starts, c.end)) for c in clauses]

    def _sentence(self, i: int) -> tuple[int, int]:
        """The tokens from the first clause of the sentence of clause `i` to its last."""
        first = last = i
        while first and self.clauses[first - 1].sentence == self.clauses[i].sentence:
            first -= 1
        while last + 1 < len(self.clauses) and self.clauses[last + 1].sentence == self.clauses[i].sentence:
            last += 1
        return self._places[first][0], self._places[last][1]

    def answers(self, i: int) -> bool:
        """Whether clause `i` may be an answer to be read with the question before it."""
        clause = self.clauses[i]
        first, last = self._places[i]
        short = sum(t.is_word for t in self.tokens[first:last]) <= SHORT_ANSWER
        return bool(self.question) and clause.sentence <= 1 and i <= 2 and short

    def features(self, i: int) -> list[str]:
        clause = self.clauses[i]
        first, last = self._places[i]
        inside, left, right = (
            self.tokens[first:last],
            self.tokens[max(first - 4, 0) : first],
            self.tokens[last : last + 3],
        )
        begins, ends = self._sentence(i)
        whole = self.tokens[begins:ends]
        opening = self.tokens[max(begins - 2, 0) : ends]
        words = _words(inside)
        found = [
            *ngrams(["^", *words, "$"], 3, "w"),
            *(f"c{w[:4]}" for w in words if len(w) > 4),
            *(f"d{w[-4:]}" for w in words if len(w) > 4),
            *(f"<{w}" for w in _words(left)),
            *(f"<<{w}" for w in [" ".join(_words(left[-2:])), " ".join(_words(left[-1:]))]),
            *(f">{w}" for w in _words(right)),
            *(f">>{w}" for w in [" ".join(_words(right[:2])), " ".join(_words(right[:1]))]),
            *(f"s{w}" for w in _words(whole)),
            *(f"o{w}" for w in ngrams(_words(opening[:4]), 2)),
            *(f"h{shape(t)}" for t in inside),
            f"n{_bucket(len(inside))}",
            f"i{min(i, 4)}",
            f"k{min(len(self.clauses), 6)}",
            f"?{clause.asked}",
            f"?{clause.asked}{i == len(self.clauses) - 1}{self.clauses[-1].asked}",
            f"'{clause.quoted}",
            f"r{self.asked_by}{bool(self.question)}",
            *(f"x{s}" for s in signals([t.folded for t in inside])),
            *(f"y{s}" for s in signals([t.folded for t in opening])),
            *(f"z{s}" for s in signals([t.folded for t in left])),
        ]
        if self.answers(i):
            found += [f"q{w}" for w in ngrams(self._question_words, 2)]
            found += [
                f"a{i}{bool(self.question)}{_bucket(len(inside))}",
                f"a{i}{'|'.join(map(shape, inside[:2]))}",
            ]
            found += [f"q&{w}" for w in words[:3]]
        return found


def question_in(text: str) -> str:
    """The last question asked in a turn; the whole turn when it asks without a sign."""
    end = text.rfind("?")
    if end < 0:
        return ""
    start = max(text.rfind(sign, 0, end) for sign in ".!?\n¿")
    return text[start + 1 : end + 1].strip()
