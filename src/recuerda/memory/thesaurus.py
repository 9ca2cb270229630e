"""Other words for what a question says, in three languages: "appliance" also finds "licuadora".

A small sentence encoder sees little likeness between "which city" and "Quito", or "zipper" and "cierre";
`thesaurus.txt`, written for this project, does. Words are compared by their stems (see `terms`).
"""

from collections import defaultdict
from functools import cache
from importlib.resources import files

from recuerda.language import LANGUAGES, Language
from recuerda.memory.terms import term, words

Stems = frozenset[str]


class Thesaurus:
    """Immutable. A group is one meaning: its stems in each language, the group above, those below."""

    def __init__(self, text: str) -> None:
        self._stems: list[dict[Language, Stems]] = []
        self._near: list[set[int]] = []  # groups one step up or down
        self._groups: dict[tuple[Language, str], list[int]] = defaultdict(list)
        above = 0
        for line in text.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            number = len(self._stems)
            self._near.append(set())
            if line[0] != " ":
                above = number
            else:
                self._near[above].add(number)
                self._near[number].add(above)
            self._add(number, line)

    def _add(self, number: int, line: str) -> None:
        stems: dict[Language, Stems] = {}
        for language, column in zip(LANGUAGES, line.split(";"), strict=True):
            said = {found for word in words(column) if (found := term(word, language))}
            stems[language] = frozenset(said)
            for stem in said:
                self._groups[language, stem].append(number)
        self._stems.append(stems)

    def related(self, stem: str, asked: Language, said: Language) -> tuple[Stems, Stems]:
        """What means the same as `stem` in the language `said`; and what is a kind of it, or it of that."""
        groups = self._groups.get((asked, stem), ())
        same = {s for group in groups for s in self._stems[group][said]}
        kin = {s for group in groups for other in self._near[group] for s in self._stems[other][said]}
        return frozenset(same), frozenset(kin - same)

    def below(self, stem: str, language: Language) -> Stems:
        """What is a kind of `stem`, an English word's, in `language`."""
        groups = self._groups.get(("en", stem), ())
        return frozenset(s for g in groups for other in self._near[g] for s in self._stems[other][language])


@cache
def thesaurus() -> Thesaurus:
    return Thesaurus(files("recuerda.memory").joinpath("thesaurus.txt").read_text("utf-8"))


@cache
def related(stem: str, asked: Language, said: Language) -> tuple[Stems, Stems]:
    return thesaurus().related(stem, asked, said)


@cache
def number_words(language: Language) -> Stems:
    return thesaurus().below("number", language)


def knows(stem: str, language: Language) -> bool:
    return (language, stem) in thesaurus()._groups
