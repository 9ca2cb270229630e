"""Mistyped words put right: "retrun polcy" is looked up as "return policy".

Only words that neither the texts nor the thesaurus know are touched, and only when a known one is a slip
of the finger away; who asks about something else must not be led to what there is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from recuerda.language import Language, fold
from recuerda.memory.terms import term, words
from recuerda.memory.thesaurus import knows

_SHORTEST = 4  # letters: "pie" and "pia" are both words
_LONG = 7  # of so many, any one may be wrong
_SOUND_ALIKE = ("szcx", "bv", "gj", "iy", "aeiou", "kqc", "mn")


class Spelling:
    """Immutable. The words of texts, each with the language it is in."""

    def __init__(self, texts: Iterable[tuple[str, Language]]) -> None:
        self._counts: dict[Language, Counter[str]] = defaultdict(Counter)
        for text, language in texts:
            self._counts[language].update(map(fold, words(text)))
        self._stems = {name: {term(word, name) for word in said} for name, said in self._counts.items()}
        self._by_start: dict[tuple[Language, str], list[str]] = defaultdict(list)
        for language, counts in self._counts.items():
            for word in counts:
                if len(word) >= _SHORTEST and word.isalpha():
                    self._by_start[language, word[0]].append(word)

    def mend(self, text: str, language: Language) -> str:
        """`text` with its mistyped words replaced; the same object when there is none."""
        mended = text
        for word in dict.fromkeys(words(text)):
            if (better := self._better(fold(word), language)) is not None:
                mended = mended.replace(word, better)
        return mended

    def _better(self, word: str, language: Language) -> str | None:
        counts = self._counts.get(language)
        if counts is None:
            return None
        stem = term(word, language)
        known = word in counts or stem in self._stems[language] or not stem or knows(stem, language)
        if known or len(word) < _SHORTEST or not word.isalpha():
            return None
        near = [(counts[other], other) for other in self._by_start[language, word[0]] if _slip(word, other)]
        return max(near)[1] if near else None


def _slip(typed: str, meant: str) -> bool:
    """One letter more or less, two swapped, one taken for another that sounds alike, or any one of many."""
    at = next((i for i, (a, b) in enumerate(zip(typed, meant, strict=False)) if a != b), -1)
    if at < 0:
        return abs(len(typed) - len(meant)) == 1
    if len(typed) != len(meant):
        longer, shorter = sorted((typed, meant), key=len, reverse=True)
        return longer[at + 1 :] == shorter[at:]
    if typed[at + 1 :] == meant[at + 1 :]:
        return len(typed) >= _LONG or any({typed[at], meant[at]} <= set(group) for group in _SOUND_ALIKE)
    return typed[at : at + 2] == meant[at : at + 2][::-1] and typed[at + 2 :] == meant[at + 2 :]
