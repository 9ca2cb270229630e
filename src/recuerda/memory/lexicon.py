"""BM25 over many short texts: postings as arrays, one pass over the query's terms."""

import math
from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_K1, _B = 0.9, 0.4


class Lexicon:
    """Immutable. Texts come analysed, as lists of terms."""

    def __init__(self, texts: Sequence[Sequence[str]], k1: float = _K1, b: float = _B) -> None:
        """`k1`: how often a text must say a term to be about it; `b`: how much more often a long one."""
        self._size = len(texts)
        self._numbers: dict[str, int] = {}
        terms, owners, counts = array("i"), array("i"), array("i")
        for owner, text in enumerate(texts):
            for term, count in Counter(text).items():
                terms.append(self._numbers.setdefault(term, len(self._numbers)))
                owners.append(owner)
                counts.append(count)
        lengths = np.array([len(text) for text in texts], np.float64)
        norms = k1 * (1 - b + b * lengths / max(float(lengths.mean()) if texts else 1.0, 1.0))
        order = np.argsort(np.asarray(terms, np.int32), kind="stable")
        self._owners = np.asarray(owners, np.int32)[order]
        tf = np.asarray(counts, np.float64)[order]
        self._gains = (tf / (tf + norms[self._owners])).astype(np.float32)
        held = np.bincount(terms, minlength=len(self._numbers))
        self._starts = np.cumsum(held) - held  # where each term's postings are
        self._held = held
        self._idf = np.log1p((self._size - held + 0.5) / (held + 0.5))
        self._unknown = math.log1p((self._size + 0.5) / 0.5)

    def idf(self, term: str) -> float:
        number = self._numbers.get(term)
        return self._unknown if number is None else float(self._idf[number])

    def scores(self, terms: Sequence[str], *, damped: bool = False) -> NDArray[np.float32]:
        """BM25 (Robertson and Zaragoza 2009) over the idf of the whole query: 0 to 1, shape (texts,).

        A term the texts do not know counts in the sum, so that a query about something else scores low.
        `damped`: a term the query repeats counts by the logarithm of how often.
        """
        said = Counter(terms)
        known = [(self._numbers[term], times) for term, times in said.items() if term in self._numbers]
        if not known:
            return np.zeros(self._size, np.float32)
        counts = np.array([times for term, times in said.items() if term not in self._numbers], np.float64)
        numbers, times = np.array(known).T
        strange = self._unknown * (np.log1p(counts) if damped else counts).sum()
        weights = self._idf[numbers] * (np.log1p(times) if damped else times)
        held = self._held[numbers]
        # The places of all their postings: each run starts where its term's do.
        places = np.arange(held.sum()) + np.repeat(self._starts[numbers] - np.cumsum(held) + held, held)
        gains = self._gains[places] * np.repeat(weights, held)
        found = np.bincount(self._owners[places], gains, self._size)
        return np.asarray(found / (weights.sum() + strange), np.float32)
