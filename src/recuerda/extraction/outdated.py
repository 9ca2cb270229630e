"""Which known facts a message makes outdated when no pattern says so: "Dr Patel retired, I see Dr Moss".

A linear classifier over what a fact and the message have in common, what kind of message it is, their words,
and whether another known fact is nearer to what is said: mostly a message ends one fact of many.
Made by `python -m evals.training.updates.train`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from recuerda.embeddings import Vectors
from recuerda.extraction import Draft
from recuerda.extraction.changes import Known
from recuerda.extraction.guards import supposed, to_memory, untrusted
from recuerda.extraction.phrases import SAY
from recuerda.extraction.reversals import given_up, of_old, swapped
from recuerda.extraction.statements import content, figures, proper_names, topic
from recuerda.extraction.tokens import flat, hashed, ngrams, tokenize, words
from recuerda.models import Category

SIZE = 1 << 16  # columns of the hashed words
SCALE, SHARED_SCALE, WORDS_SCALE = 5.0, 40.0, 6.0  # of vectors and words beside what is counted
JUDGED = 12  # facts at most, the nearest: farther ones have nothing to do with the message
_FAR, _CLOSE = 0.05, 0.65  # cosines: of what has nothing to do with each other, of what is of the same thing
_NEARNESS = 0.2  # cosine of a step of it
_STEM = 5  # letters
_CROWD = 5.0  # facts beside each other, usually
_CATEGORIES = tuple(Category)
_TOLD = 0.3  # confidence from which a draft tells what the message is about
_SENTENCE = re.compile(r"[.!?\n]+")
_ONE_MORE = re.compile(r"\b(another|a second|one more|mais uma?|un[oa]? mas)\b")
_WORDS = 20.0  # of a usual message
# "Decaf again, please" does not end "I only drink decaf"; a problem ends by what works again.
_REPEATED = frozenset(_CATEGORIES) - {Category.ISSUE, Category.INTENT, Category.EVENT}
_NOT = re.compile(r"\b(no|not|\w+n'?t|never|without|nunca|sin|ni|nao|sem|nem|cannot)\b")
# Families of phrases that tell what kind of message it is.
_KINDS = words(
    "no_longer stops gone dead resumes born cancels arrived fixed returned kept stays bought gains instead "
    "restates adds still why irony"
)

_AWAY = re.compile(
    r"\b(away|visiting|on (holiday|vacation|a trip|business)|this week|this weekend|"
    r"(est[ae]|ess[ae]|nest[ae]) (semana|finde|fim de semana|fin de semana|feriado|puente)|"
    r"de (visita|paso|vacaciones|viaje|ferias|passagem)|"
    r"(por|for) (unos|uns|alguns|algunos|a few|a couple of|two|dos|dois) (dias|days)|viajando|visitando)\b"
)
_MOVES = re.compile(
    r"\b(mov(ed|ing)|relocat\w+|settled|mud\w+|(me|nos) (cambi|pas)\w+|new (address|place|flat|home)|"
    r"(nuev[oa]|nov[oa]) (direccion|casa|depa\w*|piso|endereco|ape))\b"
)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Said:
    """A customer's message: its text, its vector, and the vectors of its drafts' statements."""

    text: str
    vector: Vectors
    vectors: Mapping[str, Vectors]
    drafts: Sequence[Draft]


@dataclass(frozen=True, slots=True)
class Weights:
    counted: Floats  # of what is counted and of vectors
    words: Floats  # SIZE columns
    bias: float
    embedder: str  # whose vectors it was trained on


@dataclass(frozen=True, slots=True)
class Seen:
    """What the classifier sees of a fact beside a message."""

    counted: Floats
    words: Sequence[int]  # columns

    def weigh(self, weights: Weights) -> float:
        """Probability that the fact no longer holds."""
        words = float(weights.words[self.words].sum()) * words_scale(self.words)
        return float(1 / (1 + np.exp(-(self.counted @ weights.counted + words + weights.bias))))


def words_scale(words: Sequence[int]) -> float:
    """What each of so many columns counts."""
    return WORDS_SCALE / float(max(len(words), 1) ** 0.5)


class Outdated:
    """The classifier. Weights are loaded at first use, then read by any thread."""

    @cached_property
    def _weights(self) -> Weights:
        with files("recuerda.extraction").joinpath("outdated.npz").open("rb") as file, np.load(file) as data:
            counted, words = data["counted"].astype(np.float32), data["words"].astype(np.float32)
            return Weights(counted, words, float(data["bias"]), str(data["embedder"]))

    def reads(self, embedder: str) -> bool:
        """Whether it was trained on vectors of this embedder."""
        return self._weights.embedder == embedder

    def judge(self, known: Sequence[Known], said: Said) -> list[float]:
        """Probability that each fact no longer holds; 0 for what has no vector, or too many are nearer than.

        "Also" and "as always" leave things as they are: then only the patterns end what they name.
        """
        likely = dict.fromkeys(range(len(known)), 0.0)
        if not (untrusted(said.text) or to_memory(said.text) or not _tells(said.text)):
            for i, seen in look(known, said).items():
                if not _stays(known[i], said.text):
                    likely[i] = seen.weigh(self._weights)
        return list(likely.values())


OUTDATED = Outdated()


def look(known: Sequence[Known], said: Said) -> dict[int, Seen]:
    """What the classifier sees of the facts nearest to the message, by their place among `known`."""
    message = _Message(said)
    near = {
        i: max(float(k.embedding @ v) for v in (*message.clauses, said.vector))
        for i, k in enumerate(known)
        if k.embedding is not None and k.embedding.shape == said.vector.shape
    }
    ranked = sorted(near, key=lambda i: -near[i])[:JUDGED]
    cosines = [near[i] for i in ranked]
    return {
        i: Seen(
            message.features(known[i], _place(cosines, rank)),
            message.words_with(known[i], near[i], rank == 0),
        )
        for rank, i in enumerate(ranked)
    }


def _place(cosines: Sequence[float], rank: int) -> list[float]:
    """Of a fact among those beside it, by how near they are to the message; the nearest first."""
    rival = cosines[0] if rank else cosines[1] if len(cosines) > 1 else 0.0
    return [
        float(rank == 0), float(rank == 1), float(rank > 1),
        cosines[rank] - cosines[0], cosines[rank] - rival,
        len(cosines) / _CROWD, sum(cosines) / len(cosines),
    ]  # fmt: skip


def _word(folded: str) -> str:
    return "0" * len(folded) if folded.isdigit() else folded


def _tells(text: str) -> bool:
    """Whether something in it is so, and of the customer."""
    return not all(supposed(flat(s).strip()) for s in _SENTENCE.split(text) if s.strip())


def _stays(fact: Known, text: str) -> bool:
    """Whether what the message says of the fact is "also" or "as always", or it gives up something else."""
    sentences = [s for s in _SENTENCE.split(text) if s.strip()]
    owned = fact.category is Category.POSSESSION
    left = content(given_up(text) or (owned and swapped(text)) or "") if len(sentences) == 1 else set()
    if left and not left & content(fact.statement):
        return True  # "I quit my job" is not of running, "I swapped the tyres" not of the car
    if fact.category is not Category.INTENT and SAY["stays"].search(flat(text)):
        return True  # "please don't cancel the trip"
    if fact.category is Category.LOCATION and _AWAY.search(flat(text)) and not _MOVES.search(flat(text)):
        return True  # "I'm in Cardiff this week" leaves the home where it was
    named = [s for s in sentences if content(s) & topic(fact.statement)]
    if named and _is_repeated(fact, text) and all(SAY["again"].search(flat(s)) for s in named):
        return True
    if all(of_old(s) for s in named or sentences):
        return True  # "when I was twenty I took a 38"
    owned = fact.category in {Category.POSSESSION, Category.IDENTITY}
    if owned and not named and _ONE_MORE.search(flat(text)):
        return True  # "one more kitten came. I need a litter box"
    return all(SAY["adds"].search(flat(s)) or SAY["still"].search(flat(s)) for s in named or sentences)


def _is_repeated(fact: Known, text: str) -> bool:
    """Whether "again" can only mean that it holds: the fact denies nothing, the message changes nothing."""
    said, before = flat(text), flat(fact.statement)
    turns = any(
        SAY[family].search(said) for family in ("instead", "resumes", "back", "stops", "no_longer", "gone")
    )
    return fact.category in _REPEATED and not turns and _NOT.search(before) is None


class _Message:
    """What is seen of a message, read once for all the facts it is put beside."""

    def __init__(self, said: Said) -> None:
        self.said = said
        self.clauses = [v for d in said.drafts if (v := said.vectors.get(d.statement)) is not None]
        self.words = [_word(t.folded) for t in tokenize(said.text)]
        self._pairs = ngrams(["^", *self.words, "$"], 2)
        self._columns = {first: self._hashed(f"r{first}") for first in (True, False)}
        self._content, self._names = content(said.text), proper_names(said.text[1:])
        self._figures = figures(said.text)
        self._about = [d.attribute for d in said.drafts if d.attribute]
        self._whose = {d.subject for d in said.drafts}
        self._told = {d.category for d in said.drafts if d.confidence >= _TOLD and not d.faint}
        flat_ = flat(said.text)
        self._kind = [
            *(
                float(pattern.search(flat_) is not None)
                for family, pattern in SAY.items()
                if family in _KINDS
            ),
            float(said.text.rstrip().endswith("?")),
            len(said.text.split()) / _WORDS,
            float(len(said.drafts)),
            *(float(c in self._told) for c in _CATEGORIES),
        ]

    def _hashed(self, prefix: str) -> list[int]:
        return hashed([*(f"m{p}" for p in self._pairs), *(f"{prefix}{p}" for p in self._pairs)], SIZE)

    def words_with(self, fact: Known, near: float, first: bool) -> list[int]:
        """Columns of the words of both: "sold" ends what is owned, "meat" being vegan."""
        theirs = [_word(t.folded) for t in tokenize(fact.statement)]
        step = min(int(max(near - _FAR, 0) / _NEARNESS), 1)
        stems = {w[:_STEM] for w in self.words if len(w) > 2}
        of_both = [
            *(f"c{fact.category.value}{step}{w[:_STEM]}" for w in self.words),
            *(f"f{w}" for w in theirs),
            *(f"x{a}|{b}" for a in {w[:_STEM] for w in theirs if len(w) > 2} for b in stems),
        ]
        return sorted({*self._columns[first], *hashed(of_both, SIZE)})

    def features(self, fact: Known, place: Sequence[float]) -> Floats:
        assert fact.embedding is not None
        own, message = fact.embedding, self.said.vector
        nearest = max(self.clauses, key=lambda v: float(own @ v), default=message)
        near = _nearness(own, message, self.clauses)
        counted = np.array([*near, *self._in_common(fact), *self._kinds(fact)], np.float32)
        # What the message is like counts as much as it is about the fact: "I moved" ends no shoe size.
        about = min(max((near[2] - _FAR) / (_CLOSE - _FAR), 0.0), 1.0)
        return np.concatenate(
            [
                place,
                counted,
                counted * about,
                message * (SCALE * about),
                nearest * (SCALE * about),
                message * own * SHARED_SCALE,
                nearest * own * SHARED_SCALE,
            ]
        ).astype(np.float32)

    def _in_common(self, fact: Known) -> list[float]:
        theirs = topic(fact.statement)
        shared = len(self._content & theirs)
        names, named = proper_names(fact.statement[1:]), self._names
        before, after = figures(fact.statement), self._figures
        return [
            shared / max(len(theirs), 1), shared / max(len(self._content), 1),
            float(shared > 0), float(shared > 1),
            bool(names & named), bool(names and named and not names & named),
            bool(before and after and not before & after), bool(before & after), bool(before), bool(after),
            fact.attribute in self._about,
            bool(fact.attribute) and any(a != fact.attribute for a in self._about),
            fact.subject in self._whose, bool(self._whose) and fact.subject not in self._whose,
        ]  # fmt: skip

    def _kinds(self, fact: Known) -> list[float]:
        """What kind of message it is, and of fact."""
        return [
            *self._kind,
            *(float(fact.category is c) for c in _CATEGORIES),
            *(float(fact.category is c and c in self._told) for c in _CATEGORIES),
            float(fact.category in self._told),
        ]


def _nearness(own: Vectors, message: Vectors, clauses: Sequence[Vectors]) -> list[float]:
    whole = float(own @ message)
    parts = [float(own @ v) for v in clauses] or [whole]
    return [whole, whole * whole, max(parts), sum(parts) / len(parts)]
