"""One customer's history in memory: exact search, no I/O.

A history is small (10 to 5,000 items), so it is scored whole: tokens lie in one flat array of term
numbers, and a query becomes a (query terms, items) count matrix by one table look-up.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from recuerda.embeddings import Vectors
from recuerda.language import Language
from recuerda.memory.terms import analyse

FLOOR = 0.3  # below this score a hit is more likely noise than an answer
_K1, _B = 0.9, 0.4


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    text: str
    at: datetime
    kind: str
    speaker: str | None
    conversation_id: str | None
    language: Language


@dataclass(frozen=True, slots=True)
class Hit:
    item: Item
    score: float  # 0..1


class History:
    """One customer's items with their vectors, unit length, shape (items, dimensions). Immutable."""

    def __init__(self, items: Sequence[Item], vectors: Vectors) -> None:
        if len(items) != len(vectors):
            raise ValueError(f"{len(items)} items but {len(vectors)} vectors")
        self.items: tuple[Item, ...] = tuple(items)
        self._vectors: Vectors = np.ascontiguousarray(vectors, np.float32)
        self._vocabulary: dict[str, int] = {}
        number = self._vocabulary.setdefault
        tokens = [
            [number(term, len(self._vocabulary)) for term in analyse(item.text, item.language)]
            for item in self.items
        ]
        self._lengths: NDArray[np.int64] = np.array([len(t) for t in tokens], np.int64)
        self._tokens: NDArray[np.int32] = np.array([n for t in tokens for n in t], np.int32)
        self._owner: NDArray[np.int64] = np.repeat(np.arange(len(tokens)), self._lengths)
        self._text_bytes = sum(len(item.text) for item in self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def nbytes(self) -> int:
        """About how much memory this history holds, for the cache's bound."""
        arrays = self._vectors.nbytes + self._tokens.nbytes + self._owner.nbytes + self._lengths.nbytes
        return arrays + 2 * self._text_bytes + 100 * len(self._vocabulary) + 400 * len(self.items)

    def extended(self, items: Sequence[Item], vectors: Vectors) -> "History":
        return History((*self.items, *items), np.concatenate([self._vectors, vectors]))

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
        """The items that matter for `query`, best first; `vector` is the query's, any shape."""
        if not self.items:
            return []
        dense = self._vectors @ np.asarray(vector, np.float32).ravel()
        scores = np.clip(0.5 * dense + 0.5 * self._bm25(analyse(query, language)), 0.0, 1.0)
        if kinds is not None:
            scores = np.where([item.kind in kinds for item in self.items], scores, -1.0)
        order = np.argsort(-scores, kind="stable")[:limit]
        return [Hit(self.items[i], float(scores[i])) for i in order if scores[i] >= max(floor, 0.0)]

    def _bm25(self, terms: Sequence[str]) -> NDArray[np.float64]:
        """BM25 (Robertson and Zaragoza 2009) of every item, over the query's sum of idf: 0 to about 1."""
        unique = list(dict.fromkeys(terms))
        known = [self._vocabulary[t] for t in unique if t in self._vocabulary]
        size = len(self.items)
        if not known:
            return np.zeros(size)
        slot = np.full(len(self._vocabulary), -1)
        slot[known] = np.arange(len(known))
        found = slot[self._tokens]
        hit = found >= 0
        counts = np.bincount(found[hit] * size + self._owner[hit], minlength=len(known) * size)
        tf = counts.reshape(len(known), size).astype(np.float64)
        df = (tf > 0).sum(axis=1)
        idf = np.log1p((size - df + 0.5) / (df + 0.5))
        unseen = (len(unique) - len(known)) * np.log1p((size + 0.5) / 0.5)
        norm = _K1 * (1 - _B + _B * self._lengths / max(self._lengths.mean(), 1.0))
        scores: NDArray[np.float64] = idf @ (tf / (tf + norm)) / (idf.sum() + unseen)
        return scores
