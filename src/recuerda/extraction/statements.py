"""Whether two statements, or two values, say the same."""

import re
from functools import lru_cache

from recuerda.extraction.tokens import tokenize, words


def plain_value(value: str | None) -> str:
    return re.sub(r"\s+", " ", value or "").strip().casefold()


def normal(statement: str) -> str:
    return " ".join(t.folded for t in tokenize(statement) if t.is_word)


_FIGURE_WORDS = words(
    "two three four five six seven eight nine ten eleven twelve dos tres cuatro cinco seis siete ocho nueve "
    "diez once doce dois duas quatro sete oito nove dez onze doze"
)
_COUNTED = re.compile(r"(\d+(?:[.,]\d+)?)([a-z]{1,4})")  # 500mg
_LETTER = re.compile(r"(?:X{0,3}[SMLGP]|GG|XG{1,2})")
_NAME = re.compile(r"\b[A-ZÁÉÍÓÚÂÊÔÃÕÇÑ](?:[a-záéíóúâêôãõçñü]{2,}|[a-z]{1,2}[A-Z][a-z]{2,})\b")


@lru_cache(maxsize=1000)
def figures(statement: str) -> frozenset[str]:
    """Numbers in digits or words, and sizes in letters."""
    return frozenset(
        t.folded
        for t in tokenize(statement)
        if t.text[0].isdigit() or t.folded in _FIGURE_WORDS or _LETTER.fullmatch(t.text)
    )


def amounts(statement: str) -> dict[str, set[str]]:
    """Numbers by what they count: `{"adul": {"2"}, "kg": {"10"}}`; those that count nothing by ""."""
    tokens, found = tokenize(statement), dict[str, set[str]]()
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if counted := _COUNTED.fullmatch(token.folded):
            found.setdefault(counted[2], set()).add(counted[1])
        elif token.text[0].isdigit() or token.folded in _FIGURE_WORDS:
            unit = after.folded if after and after.is_word and after.folded not in _EMPTY else ""
            found.setdefault(unit[:4], set()).add(token.folded)
    return found


def other_amount(before: str, after: str) -> bool:
    """ "2 adults and a child", "3 adults and a child": of the same thing another number."""
    old, new = amounts(before), amounts(after)
    return any(not old[unit] & new[unit] for unit in old.keys() & new.keys())


@lru_cache(maxsize=1000)
def proper_names(statement: str) -> frozenset[str]:
    return frozenset(_NAME.findall(statement))


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


# When something is done tells little of what is done: "golf every Sunday", "golf".
_TIMES = words(
    "every each day days week weekly daily often sometimes monday mondays tuesday tuesdays wednesday "
    "wednesdays thursday thursdays friday fridays saturday saturdays sunday sundays morning mornings "
    "night nights todos todas cada dia dias semana lunes martes miercoles jueves viernes sabado sabados "
    "domingo domingos segunda segundas terca tercas quarta quartas quinta quintas sexta sextas veces "
    "vezes vez times once twice siempre sempre always since desde years anos ano year hace ha "
)


@lru_cache(maxsize=1000)
def topic(statement: str) -> frozenset[str]:
    """`content` without how often and when; all of it when nothing else is said."""
    kept = [t.folded for t in tokenize(statement) if t.is_word and t.folded not in _EMPTY]
    return content(" ".join(w for w in kept if w not in _TIMES)) or content(statement)


@lru_cache(maxsize=1000)
def content(statement: str) -> frozenset[str]:
    """Stems of the words that carry meaning, cut short so that "corro" and "correr" meet."""
    kept = [t.folded for t in tokenize(statement) if t.is_word and t.folded not in _EMPTY]
    return frozenset(w[:4] if len(w) > 4 and not w.isdigit() else w for w in kept)
