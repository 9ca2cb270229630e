"""Which known facts a message makes outdated when no pattern says so: "Dr Patel retired, I see Dr Moss".

A small linear classifier over what a fact and the message have in common and what kind of message it is.
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
from recuerda.extraction.reversals import given_up, swapped
from recuerda.extraction.statements import content, figures, proper_names, topic
from recuerda.extraction.tokens import flat
from recuerda.models import Category

SCALE, SHARED_SCALE = 5.0, 40.0  # of vectors beside what is counted
_FAR, _CLOSE = 0.05, 0.65  # cosines: of what has nothing to do with each other, of what is of the same thing
_CATEGORIES = tuple(Category)
_TOLD = 0.3  # confidence from which a draft tells what the message is about
_SENTENCE = re.compile(r"[.!?\n]+")
_WORDS = 20.0  # of a usual message

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Said:
    """A customer's message: its text, its vector, and the vectors of its drafts' statements."""

    text: str
    vector: Vectors
    vectors: Mapping[str, Vectors]
    drafts: Sequence[Draft]


class Outdated:
    """The classifier. Weights are loaded at first use, then read by any thread."""

    @cached_property
    def _weights(self) -> tuple[Floats, float, str]:
        with files("recuerda.extraction").joinpath("outdated.npz").open("rb") as file, np.load(file) as data:
            return data["weights"].astype(np.float32), float(data["bias"]), str(data["embedder"])

    def reads(self, embedder: str) -> bool:
        """Whether it was trained on vectors of this embedder."""
        return self._weights[2] == embedder

    def judge(self, known: Sequence[Known], said: Said) -> list[float]:
        """Probability that each fact no longer holds; 0 for what has no vector.

        "Also" and "as always" leave things as they are: then only the patterns end what they name.
        """
        if untrusted(said.text) or to_memory(said.text) or not _tells(said.text):
            return [0.0] * len(known)
        weights, bias, _ = self._weights
        return [
            0.0
            if k.embedding is None or k.embedding.shape != said.vector.shape or _stays(k, said.text)
            else float(1 / (1 + np.exp(-(features(k, said) @ weights + bias))))
            for k in known
        ]


OUTDATED = Outdated()


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
    about = [s for s in sentences if content(s) & topic(fact.statement)] or sentences
    return all(SAY["adds"].search(flat(s)) or SAY["still"].search(flat(s)) for s in about)


def features(fact: Known, said: Said) -> Floats:
    """What the classifier sees of a fact and a message; `fact.embedding` is given."""
    assert fact.embedding is not None
    own, message = fact.embedding, said.vector
    clauses = [v for d in said.drafts if (v := said.vectors.get(d.statement)) is not None]
    nearest = max(clauses, key=lambda v: float(own @ v), default=message)
    near = _nearness(own, message, clauses)
    counted = np.array([*near, *_in_common(fact, said), *_kind(fact, said)], np.float32)
    # What the message is like counts as much as it is about the fact: "I moved" ends no shoe size.
    about = min(max((near[2] - _FAR) / (_CLOSE - _FAR), 0.0), 1.0)
    return np.concatenate(
        [
            counted,
            counted * about,
            message * (SCALE * about),
            nearest * (SCALE * about),
            message * own * SHARED_SCALE,
            nearest * own * SHARED_SCALE,
        ]
    ).astype(np.float32)


def _nearness(own: Vectors, message: Vectors, clauses: Sequence[Vectors]) -> list[float]:
    whole = float(own @ message)
    parts = [float(own @ v) for v in clauses] or [whole]
    return [whole, whole * whole, max(parts), sum(parts) / len(parts)]


def _in_common(fact: Known, said: Said) -> list[float]:
    ours, theirs = content(said.text), topic(fact.statement)
    shared = len(ours & theirs)
    names, named = proper_names(fact.statement[1:]), proper_names(said.text[1:])
    before, after = figures(fact.statement), figures(said.text)
    about = [d.attribute for d in said.drafts if d.attribute]
    whose = {d.subject for d in said.drafts}
    return [
        shared / max(len(theirs), 1), shared / max(len(ours), 1), float(shared > 0), float(shared > 1),
        bool(names & named), bool(names and named and not names & named),
        bool(before and after and not before & after), bool(before & after), bool(before), bool(after),
        fact.attribute in about, bool(fact.attribute) and any(a != fact.attribute for a in about),
        fact.subject in whose, bool(whose) and fact.subject not in whose,
    ]  # fmt: skip


def _kind(fact: Known, said: Said) -> list[float]:
    """What kind of message it is, and of fact."""
    told = {d.category for d in said.drafts if d.confidence >= _TOLD and not d.faint}
    flat_ = flat(said.text)
    return [
        *(float(pattern.search(flat_) is not None) for pattern in SAY.values()),
        float(said.text.rstrip().endswith("?")),
        len(said.text.split()) / _WORDS,
        float(len(said.drafts)),
        *(float(c in told) for c in _CATEGORIES),
        *(float(fact.category is c) for c in _CATEGORIES),
        *(float(fact.category is c and c in told) for c in _CATEGORIES),
        float(fact.category in told),
    ]
