"""BM25 over many short texts: postings as arrays, one pass over the query's terms."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_K1, _B = 0.9, 0.4


class Lexicon:
    """Immutable. Texts come analysed, as lists of terms."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self._size = len(texts)
        lengths = np.array([len(text) for text in texts], np.float64)
        norms = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()) if texts else 1.0, 1.0))
        postings: dict[str, tuple[list[int], list[int]]] = {}
        for number, text in enumerate(texts):
            for term, count in Counter(text).items():
                owners, counts = postings.setdefault(term, ([], []))
                owners.append(number)
                counts.append(count)
        self._postings: dict[str, tuple[NDArray[np.int32], NDArray[np.float32]]] = {}
        for term, (owners, counts) in postings.items():
            where, tf = np.array(owners, np.int32), np.array(counts, np.float64)
            self._postings[term] = where, (tf / (tf + norms[where])).astype(np.float32)

    def idf(self, term: str) -> float:
        df = len(self._postings[term][0]) if term in self._postings else 0
        return float(np.log1p((self._size - df + 0.5) / (df + 0.5)))

    def scores(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """BM25 (Robertson and Zaragoza 2009) over the idf of the whole query: 0 to 1, shape (texts,).

        A term the texts do not know counts in the sum, so that a query about something else scores low.
        """
        total, found = 0.0, np.zeros(self._size, np.float32)
        for term, times in Counter(terms).items():
            weight = self.idf(term) * times
            total += weight
            if term in self._postings:
                where, gain = self._postings[term]
                found[where] += np.float32(weight) * gain
        return found / np.float32(total or 1.0)
