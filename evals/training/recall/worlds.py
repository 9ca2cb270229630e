"""Histories and questions to learn from: each customer alone, and customers put together.

Real histories are longer than one can write by hand, so named customers of a language are also joined into
one long history; and a customer asked in another language is joined with one who speaks it, so that
the ranking learns when words in the wrong language are the right answer. Questions about one customer put to
another's history have no answer there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from evals.training.recall.data import Customer, Question

from recuerda.embeddings import Vectors, unit
from recuerda.language import LANGUAGES
from recuerda.memory.features import Query, measure
from recuerda.memory.fusion import centred, language_number
from recuerda.memory.index import Bools, Floats, Index, Item

PAIRS, MIXED_PAIRS = "pairs", "pairs mixed"  # worlds of made-up customers
_BORROWED = 20  # questions of other pairs, put to a made-up customer
_HARD = 25  # of a long history, so many of the best by each of a few measures are kept


@dataclass(frozen=True)
class Sample:
    """One question over one history."""

    customer: str
    world: str
    question: Question
    measured: Floats  # (features, items)
    relevant: Bools
    foreign: Bools


class Worlds:
    def __init__(
        self,
        customers: Sequence[Customer],
        vectors: dict[str, Vectors],
        means: Vectors,
        asking: dict[str, Vectors],
    ) -> None:
        """`asking`: for each customer, the matrix learned from the others."""
        self.customers, self._vectors, self._means, self._asking = customers, vectors, means, asking

    def samples(self) -> Iterator[Sample]:
        rng = np.random.default_rng(7)
        for customer in self.customers:
            borrowed = [Question(q.text, "borrowed", q.language, ()) for q in self._borrowed(customer, rng)]
            asked = [*customer.questions, *borrowed]
            yield from self._ask("alone" if customer.real else PAIRS, customer.items, [(customer, asked)])
        named = [c for c in self.customers if c.named]
        for language in LANGUAGES:
            together = [c for c in named if c.language == language]
            theirs = [(c, [q for q in c.questions if q.relevant]) for c in together]
            yield from self._ask("together", [i for c in together for i in c.items], theirs)
        for customer in self.customers:
            for language in {q.language for q in customer.questions} - {customer.language}:
                guests = [c for c in named if c.language == language]
                for guest in rng.choice(np.array(guests, object), 2, replace=False):
                    foreign = [q for q in customer.questions if q.language == language]
                    both = [(customer, foreign), (guest, guest.questions[: 4 if customer.real else None])]
                    world = "mixed" if customer.real else MIXED_PAIRS
                    yield from self._ask(world, [*customer.items, *guest.items], both)

    def _borrowed(self, customer: Customer, rng: np.random.Generator) -> list[Question]:
        """Questions that name somebody else, or are of other pairs, so that nothing here can answer them."""
        if not customer.real:
            others = [
                q
                for c in self.customers
                if c.family and c.family != customer.family
                for q in c.questions
                if q.language != customer.language
            ]
            return [others[i] for i in rng.choice(len(others), _BORROWED, replace=False)]
        strangers = [
            q
            for c in self.customers
            if c.named and c.language == customer.language and c.id != customer.id
            for q in c.questions
            if any(name.split()[-1] in q.text for name in c.names)
        ]
        return [strangers[i] for i in rng.choice(len(strangers), 3, replace=False)]

    def _ask(
        self, world: str, items: Sequence[Item], asked: Sequence[tuple[Customer, Sequence[Question]]]
    ) -> Iterator[Sample]:
        index = Index(items)
        vectors = centred(np.stack([self._vectors[i.text] for i in index.items]), index.language, self._means)
        now: datetime = max(item.at for item in items) + timedelta(days=3)
        for customer, questions in asked:
            for question in questions:
                number = language_number(question.language)
                own = centred(self._vectors[question.text][None], np.array([number]), self._means)[0]
                vector = unit(own @ self._asking[customer.id])
                query = Query(question.text, vector, own, question.language, now)
                yield Sample(
                    customer.id,
                    world,
                    question,
                    measure(index, vectors, query),
                    np.array([item.id in question.relevant for item in index.items]),
                    index.language != number,
                )


def hard(sample: Sample, by: Sequence[int]) -> Sample:
    """The same sample with its relevant items and those that look most like them by the measures `by`."""
    if sample.relevant.size <= 3 * _HARD:
        return sample
    keep = sample.relevant.copy()
    for feature in by:
        keep[np.argsort(-sample.measured[feature])[:_HARD]] = True
    parts = sample.measured[:, keep], sample.relevant[keep], sample.foreign[keep]
    return Sample(sample.customer, sample.world, sample.question, *parts)
