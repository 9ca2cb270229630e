"""What the classifier sees of a clause: its words and sentence, what came before, the question it answers."""

from collections.abc import Sequence

from recuerda.extraction.clauses import Clause
from recuerda.extraction.signals import signals
from recuerda.extraction.tokens import Token, ngrams, shape, tokenize

SIZE = 1 << 15  # columns of the hashed words
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

    def answers(self, i: int) -> bool:
        """Whether clause `i` may be an answer to be read with the question before it."""
        clause = self.clauses[i]
        short = sum(clause.start <= t.start < clause.end and t.is_word for t in self.tokens) <= SHORT_ANSWER
        return bool(self.question) and clause.sentence <= 1 and i <= 2 and short

    def features(self, i: int) -> list[str]:
        clause = self.clauses[i]
        inside = [t for t in self.tokens if clause.start <= t.start < clause.end]
        left = [t for t in self.tokens if t.end <= clause.start][-4:]
        right = [t for t in self.tokens if t.start >= clause.end][:3]
        mates = [c for c in self.clauses if c.sentence == clause.sentence]
        whole = [t for t in self.tokens if mates[0].start <= t.start < mates[-1].end]
        opening = [t for t in self.tokens if t.end <= mates[0].start][-2:] + whole
        words = _words(inside)
        found = [
            *ngrams(["^", *words, "$"], 3),
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
