"""Mistyped words put right: "retrun polcy" is looked up as "return policy".

Only words that neither the texts nor the thesaurus know are touched, and only when a known one is a slip
of the finger away; who asks about something else must not be led to what there is.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache

from recuerda.language import Language, fold
from recuerda.memory.terms import term, words
from recuerda.memory.thesaurus import knows

_SHORTEST = 4  # letters: "pie" and "pia" are both words
_LONG = 7  # of so many, any one may be wrong
# As typed in chats; what they stand for.
_SHORTHAND_WORDS: dict[Language, str] = {
    "en": "u=you ur=your r=are wat=what wats=what's whats=what's wheres=where's hows=how's diff=difference "
    "pls=please thx=thanks nyc=New_York",
    "es": "q=que k=que ke=que xq=porque pa=para tb=también d=de kiero=quiero qiero=quiero dnd=donde "
    "cdmx=Ciudad_de_México bsas=Buenos_Aires",
    "pt": "q=que vc=você vcs=vocês pra=para pro=para_o pq=porque tb=também tbm=também eh=é qto=quanto "
    "qro=quero ta=está to=estou sp=São_Paulo rj=Rio_de_Janeiro bh=Belo_Horizonte",
}
_SHORTHAND = {
    language: dict(pair.replace("_", " ").split("=") for pair in pairs.split())
    for language, pairs in _SHORTHAND_WORDS.items()
}
# Words customers use and shops need not; right as they are, and what a slip may stand for.
_ORDINARY: dict[Language, str] = {
    "en": "policy refund cancel exchange shipping delivery address receipt discount waterproof",
    "es": "política reembolso cancelar cambio envío dirección factura descuento impermeable compra",
    "pt": "política reembolso cancelar troca frete endereço tamanho desconto impermeável compra",
}
_SOUND_ALIKE = ("szcx", "bv", "kqc", "gj", "iy", "aeiou", "mn")  # the first three also at a word's start


class Spelling:
    """Immutable but for what it has worked out. The words of texts, each with the language it is in."""

    def __init__(self, texts: Iterable[tuple[str, Language]]) -> None:
        self._counts: dict[Language, Counter[str]] = defaultdict(Counter)
        for text, language in texts:
            self._counts[language].update(map(fold, words(text)))
        for language, ordinary in _ORDINARY.items():
            self._counts[language].update(fold(ordinary).split())
        self._stems = {name: {term(word, name) for word in said} for name, said in self._counts.items()}
        self._by_start: dict[tuple[Language, str], list[str]] = defaultdict(list)
        for language, counts in self._counts.items():
            for word in counts:
                if len(word) >= _SHORTEST and word.isalpha():
                    self._by_start[language, word[0]].append(word)
        self._better = lru_cache(maxsize=5000)(self._look_up)

    def slips(self, text: str, language: Language) -> dict[str, str]:
        """Its mistyped words as typed, and what they were meant to be."""
        short = _SHORTHAND[language]
        found = (
            (word, short.get(word.lower()) or self._better(fold(word), language))
            for word in dict.fromkeys(words(text))
        )
        return {word: better for word, better in found if better is not None}

    def _look_up(self, word: str, language: Language) -> str | None:
        counts = self._counts.get(language)
        if counts is None:
            return None
        stem = term(word, language)
        known = word in counts or stem in self._stems[language] or not stem or knows(stem, language)
        if known or len(word) < _SHORTEST or not word.isalpha():
            return None
        one = word[:-1] if word.endswith("s") and len(word) > _LONG else word  # texts may have the singular
        starts = {word[0]}.union(*(group for group in _SOUND_ALIKE[:3] if word[0] in group))
        others = [other for start in sorted(starts) for other in self._by_start.get((language, start), ())]
        near = [(counts[other], other) for other in others if _slip(word, other) or _slip(one, other)]
        return max(near)[1] if near else None


def mend(text: str, slips: Mapping[str, str]) -> str:
    """`text` with its mistyped words replaced; the same object when there is none."""
    for typed, meant in slips.items():
        text = re.sub(rf"(?<!\w){re.escape(typed)}(?!\w)", meant, text)
    return text


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
