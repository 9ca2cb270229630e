"""Whether two statements, or two values, say the same."""

import re

from recuerda.extraction.tokens import tokenize, words


def plain_value(value: str | None) -> str:
    return re.sub(r"\s+", " ", value or "").strip().casefold()


def normal(statement: str) -> str:
    return " ".join(t.folded for t in tokenize(statement) if t.is_word)


def numbers(statement: str) -> list[str]:
    return re.findall(r"\d+", statement)


_EMPTY = words(
    "i im i'm i've my me we our a an the of in on at to for with and is are am was no not any anymore "
    "longer more used "
    "be have has do don't dont it that this yo mi mis me un una unos unas el la los las lo de en con y es "
    "soy estoy ya no "
    "mas se le que por para eu meu minha um uma o os as do da em no na com e sou estou ja nao mais que por "
    "para "
    "deje parei pare stopped quit tengo tenho sold vendi lost perdi"
)


def content(statement: str) -> set[str]:
    """Stems of the words that carry meaning, cut short so that "corro" and "correr" meet."""
    kept = [t.folded for t in tokenize(statement) if t.is_word and t.folded not in _EMPTY]
    return {w[:4] if len(w) > 4 and not w.isdigit() else w for w in kept}
