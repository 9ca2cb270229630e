"""One customer's history in memory: exact search, no I/O."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from recuerda.embeddings import Vectors
from recuerda.language import Language
from recuerda.memory.features import Query, measure
from recuerda.memory.fusion import centred, language_means, language_number, towards_answers, weights
from recuerda.memory.index import Floats, Index, Item, arranged

FLOOR = weights().floor

__all__ = ["FLOOR", "History", "Hit", "Item"]


@dataclass(frozen=True, slots=True)
class Hit:
    item: Item
    score: float  # 0..1: how likely the item helps to answer; under FLOOR nothing should be offered


class History:
    """One customer's items and their vectors: unit length, shape (items, dimensions). Immutable."""

    def __init__(self, items: Sequence[Item], vectors: Vectors, _known: Index | None = None) -> None:
        if len(items) != len(vectors):
            raise ValueError(f"{len(items)} items but {len(vectors)} vectors")
        self.items = tuple(items)
        self._vectors = np.asarray(vectors, np.float32)
        order = arranged(self.items)
        self._index = Index([self.items[i] for i in order], _known)
        if order:
            self._means = language_means(self._vectors)
            self._centred = centred(self._vectors[order], self._index.language, self._means)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def nbytes(self) -> int:
        """About how much memory this history holds, for the cache's bound."""
        return 2 * self._vectors.nbytes + self._index.nbytes

    def extended(self, items: Sequence[Item], vectors: Vectors) -> "History":
        """With more items; what is here already is not read again."""
        if not self.items:
            return History(items, vectors)
        return History((*self.items, *items), np.concatenate([self._vectors, vectors]), self._index)

    def search(
        self,
        query: str,
        vector: Vectors,
        *,
        now: datetime,
        language: Language,
        limit: int = 10,
        kinds: Collection[str] | None = None,
        floor: float = 0.0,
    ) -> list[Hit]:
        """The items that matter for `query`, best first, none under `floor`.

        `vector` is the query's, by the embedder of the items, unit length, (dimensions,) or (1, dimensions);
        `now` is what "yesterday" in the query is relative to.
        """
        if not self.items or limit < 1:
            return []
        scores = self._scores(query, vector, now, language)
        if kinds is not None:
            scores[[item.kind not in kinds for item in self._index.items]] = -1.0
        order = np.argsort(-scores, kind="stable")[:limit]
        return [Hit(self._index.items[i], float(scores[i])) for i in order if scores[i] >= max(floor, 0.0)]

    def _scores(self, query: str, vector: Vectors, now: datetime, language: Language) -> Floats:
        number = language_number(language)
        own = centred(np.asarray(vector, np.float32).reshape(1, -1), np.array([number]), self._means)[0]
        measured = measure(self._index, self._centred, Query(query, towards_answers(own), own, language, now))
        return weights().scores(measured, self._index.language != number)
