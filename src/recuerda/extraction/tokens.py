"""Words with exact places in the text, and the hashed features both classifiers read them by."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from recuerda.language import fold

# Numbers, addresses and e-mails stay whole: 9.5, 10/12, ana@correo.com, SKU-88, don't.
_TOKEN = re.compile(r"\w+(?:[.,:/@'’+#-]+\w+)*|[^\w\s]")


def words(text: str) -> frozenset[str]:
    """A table of words, written as people read them."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    folded: str  # lower case without accents
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return self.text[0].isalnum()


@lru_cache(maxsize=1000)  # the facts a message is put beside are looked at from many sides
def tokenize(text: str) -> tuple[Token, ...]:
    return tuple(Token(m[0], fold(m[0]), m.start(), m.end()) for m in _TOKEN.finditer(text))


def shape(token: Token) -> str:
    """What a word looks like when we do not know it: `number`, `Name`, `mixed`, `word` or the sign itself."""
    if not token.is_word:
        return token.text
    if token.text.isdigit():
        return f"number{min(len(token.text), 6)}"
    if any(c.isdigit() for c in token.text):
        return "mixed"
    return "Name" if token.text[0].isupper() else "word"


def hashed(features: Iterable[str], size: int) -> list[int]:
    """Columns of a table of `size`; the same in every run and on every machine."""
    return sorted({crc32(f.encode()) % size for f in features})


def ngrams(words: Sequence[str], longest: int, prefix: str = "") -> list[str]:
    return [
        f"{prefix}{' '.join(words[i : i + n])}"
        for n in range(1, longest + 1)
        for i in range(len(words) - n + 1)
    ]


def unaccented(text: str) -> str:
    """Without accents, of the same length as `text`: places found in one hold in the other."""
    return text.translate(_PLAIN)


@lru_cache(maxsize=1000)
def flat(text: str) -> str:
    """The same in lower case."""
    return text.translate(_FLAT)


class _Letters(dict[int, str]):
    """A table for `str.translate` filled as letters are met: each becomes one letter."""

    def __init__(self, lower: bool) -> None:
        self._lower = lower

    def __missing__(self, code: int) -> str:
        char = chr(code)
        plain = "'" if char in "’‘`´" else unicodedata.normalize("NFD", char)[0]
        low = plain.lower()
        self[code] = low if self._lower and len(low) == 1 else plain
        return self[code]


_PLAIN, _FLAT = _Letters(lower=False), _Letters(lower=True)
