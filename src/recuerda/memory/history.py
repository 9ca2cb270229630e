"""One customer's history in memory: exact search, no I/O."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from recuerda.embeddings import Vectors
from recuerda.language import Language
from recuerda.memory.features import Query, measure
from recuerda.memory.fusion import (
    centred,
    language_number,
    own_means,
    towards_answers,
    trained_means,
    weights,
)
from recuerda.memory.index import Floats, Index, Item

FLOOR = weights().floor

__all__ = ["FLOOR", "History", "Hit", "Item"]


@dataclass(frozen=True, slots=True)
class Hit:
    item: Item
    score: float  # 0..1: how likely the item helps to answer; under FLOOR nothing should be offered


class History:
    """One customer's items and their vectors: unit length, shape (items, dimensions). Immutable."""

    def __init__(self, items: Sequence[Item], vectors: Vectors, _known: "History | None" = None) -> None:
        """Of these, in any order, and of what `_known` has, which is not read again."""
        if len(items) != len(vectors):
            raise ValueError(f"{len(items)} items but {len(vectors)} vectors")
        index = Index(items, _known._index if _known is not None else None)
        self._index: Index = index
        self.items: tuple[Item, ...] = index.items
        vectors = np.asarray(vectors, np.float32)
        means = trained_means(vectors.shape[1])
        if means is not None:
            languages = np.array([language_number(item.language) for item in items], np.int64)
            vectors = centred(vectors, languages, means)
        if _known is not None:
            vectors = np.concatenate([_known._kept, vectors])
        self._kept: Vectors = index.placed(vectors)
        self._centred: Vectors = self._kept
        if means is None:  # then the history's own mean is subtracted, which moves with every item
            means = own_means(self._kept)
            self._centred = centred(self._kept, index.language, means)
        self._means: Vectors = means

    def __len__(self) -> int:
        return len(self.items)

    @property
    def nbytes(self) -> int:
        """About how much memory this history holds, for the cache's bound."""
        own = 0 if self._centred is self._kept else self._kept.nbytes
        return self._centred.nbytes + own + self._index.nbytes

    def extended(self, items: Sequence[Item], vectors: Vectors) -> "History":
        """With more items; what is here already is not read again."""
        return History(items, vectors, self)

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
            scores[[item.kind not in kinds for item in self.items]] = -1.0
        order = np.argsort(-scores, kind="stable")[:limit]
        return [Hit(self.items[i], float(scores[i])) for i in order if scores[i] >= max(floor, 0.0)]

    def _scores(self, query: str, vector: Vectors, now: datetime, language: Language) -> Floats:
        number = language_number(language)
        own = centred(np.asarray(vector, np.float32).reshape(1, -1), np.array([number]), self._means)[0]
        measured = measure(self._index, self._centred, Query(query, towards_answers(own), own, language, now))
        return weights().scores(measured, self._index.language != number)
