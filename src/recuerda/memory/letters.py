"""Which documents a long message is about.

Its mean meaning says little, and nearly every document has some of its words. What counts is how often a
document says them, two together before all; what the message calls by name; whether a document is about
a thing as a whole; and which documents go with the best ones: a procedure and the form it is done with both
say "form_1098". The weights were chosen on tau2-bench's banking articles (`evals/bench/knowledge.py`).
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from recuerda.language import Language
from recuerda.memory.lexicon import Lexicon
from recuerda.memory.names import Names, is_overview
from recuerda.memory.terms import analyse
from recuerda.models import Document

Scores = NDArray[np.float32]

_K1, _B = 3.5, 1.0  # said once is by chance; said often, for its length, is what a document is about
_TITLE = 8  # times a word of the title counts
_OVERVIEW, _NAMED, _LINKED = 0.15, 0.3, 0.25  # of the best document's score
_BEST = 10  # documents whose codes are followed
_COMMON = 20  # a code of more documents links nothing
# What people write about something else stays under the floor, in two collections; the shorter the message,
# the more it takes: a few words are found somewhere by chance.
_SCALE, _LONG = 20.0, 100
_CODE = re.compile(r"\b(?:\w+_\w+|[^\W\d_]+\d\w*|\d+[^\W\d_]\w*)\b")  # refund_form, RX200, 12b


class Letters:
    """Immutable. Documents are told by their places."""

    def __init__(self, documents: Sequence[Document], languages: Sequence[Language]) -> None:
        titles = [analyse(d.title, spoken) for d, spoken in zip(documents, languages, strict=True)]
        texts = [analyse(d.text, spoken) for d, spoken in zip(documents, languages, strict=True)]
        weighed = [_near(title) * _TITLE + _near(text) for title, text in zip(titles, texts, strict=True)]
        self._words = Lexicon(weighed, _K1, _B)
        self._names = Names([(d.title, spoken) for d, spoken in zip(documents, languages, strict=True)])
        self._overviews = np.array([is_overview(d.title) for d in documents], np.float32)
        self._codes = [set(_CODE.findall(d.text)) for d in documents]
        found: dict[str, list[int]] = defaultdict(list)
        for place, codes in enumerate(self._codes):
            for code in codes:
                found[code].append(place)
        self._places = {code: places for code, places in found.items() if 1 < len(places) <= _COMMON}

    def scores(self, text: str, terms: Sequence[str], language: Language) -> tuple[Scores, list[int]]:
        """Of each document, and the places of those on what `text` names; `terms` are those of `text`."""
        words = self._words.scores(_near(terms), damped=True)
        named = self._names.overviews(text, language)
        best = float(words.max(initial=0.0))
        if best == 0.0:
            return words, named
        scores = words / best + _OVERVIEW * self._overviews * (words > 0)
        scores[named] += _NAMED
        scores += _LINKED * self._linked(scores)
        sure = _SCALE * min(1.0, len(terms) / _LONG) ** 0.5
        return np.asarray(sure * best * scores, np.float32), named

    def _linked(self, scores: Scores) -> Scores:
        """How good the best document is that has a code in common, and how rare the code: 0 to 1."""
        linked = np.zeros_like(scores)
        for place in np.argsort(-scores, kind="stable")[:_BEST]:
            shared = np.zeros_like(scores)
            for code in self._codes[place] & self._places.keys():
                shared[self._places[code]] += 1 / len(self._places[code])
            shared[place] = 0.0
            linked = np.maximum(linked, scores[place] * np.minimum(shared, 1.0))
        return linked


def _near(terms: Sequence[str]) -> list[str]:
    """The terms, and each two with at most one between them, in either order."""
    apart = zip(terms, terms[2:], strict=False)
    return [*terms, *(" ".join(sorted(two)) for two in (*pairwise(terms), *apart))]
