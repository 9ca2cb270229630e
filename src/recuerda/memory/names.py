"""What a long message calls by its name: "my Light Blue Account" brings the article on that account.

A brand that writes many articles about a product opens their titles with its name. A long message that says
such a name means the product, though few of its other words are in any one article.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from recuerda.language import LANGUAGES, Language, fold
from recuerda.memory.terms import term, words

_LEAST = 3  # titles that open with the same words, for these to be a name
_LONGEST = 5  # words
_MOST = 5  # names in one message, those said most often

_OVERVIEW = re.compile(
    r"\b(?:overview|at a glance|guide|summary|introduction|get(?:ting)? started|basics"
    r"|resumen|guia|introduccion|primeros pasos|vision general|de un vistazo|lo basico"
    r"|resumo|introducao|primeiros passos|visao geral|o basico)\b"
)

Name = tuple[str, ...]  # lower-cased


def is_overview(title: str) -> bool:
    """Whether a document is about its thing as a whole, as its title says."""
    return _OVERVIEW.search(fold(title)) is not None


class Names:
    """Immutable."""

    def __init__(self, titles: Sequence[tuple[str, Language]]) -> None:
        """Titles of documents; these are told by their places here."""
        found: dict[Name, list[tuple[bool, int, int]]] = defaultdict(list)  # (words of the title, place)
        for place, (title, language) in enumerate(titles):
            said, detail = words(title), not is_overview(title)
            for size in range(2, min(_LONGEST, len(said)) + 1):
                if term(said[0], language) and term(said[size - 1], language):
                    found[_lower(said[:size])].append((detail, len(said), place))
        self._languages = [language for _, language in titles]
        self._places = {
            name: [place for _, _, place in sorted(places)]
            for name, places in found.items()
            if max(Counter(self._languages[place] for _, _, place in places).values()) >= _LEAST
        }

    def overviews(self, text: str, language: Language) -> list[int]:
        """For each name in `text`, the most frequent first, the document about the thing as a whole: whose
        title says that it is an overview, or says least besides. Of several languages, that of `language`."""
        order = [language, *(other for other in LANGUAGES if other != language)]
        chosen = [
            min(self._places[name], key=lambda place: order.index(self._languages[place]))
            for name, _ in self._said(text).most_common(_MOST)
        ]
        return list(dict.fromkeys(chosen))

    def _said(self, text: str) -> Counter[Name]:
        """Names are written with capitals; the longest that fits counts."""
        typed, found, at = words(text), Counter[Name](), 0
        lower = _lower(typed)
        while at < len(typed):
            longest = next(
                (n for n, word in enumerate(typed[at : at + _LONGEST]) if word[0].islower()), _LONGEST
            )
            size = next((n for n in range(longest, 1, -1) if lower[at : at + n] in self._places), 0)
            if size:
                found[lower[at : at + size]] += 1
            at += size or 1
        return found


def _lower(said: Sequence[str]) -> Name:
    return tuple(word.lower() for word in said)
