"""Which thing a size is of: "calcetines talla L" says nothing of the shirts."""

import re
from collections.abc import Iterable
from functools import cache

from recuerda.extraction.catalogue import Attribute

_LETTERS = (
    r"(?<![\w'’-])(?:[smlgp]|xx?[sg]|gg|pp|x{1,3}l|[23]xl|small|medium|large|chic[oa]|median[oa])(?![\w'’])"
)
_FIGURE = r"\d\d\b(?! ?(?:%|km|kg|cm|anos?\b|years?|min|dias?|days|mil|euro|dol|real|reais|pesos))"
# What says a size wherever the thing stands; a figure needs a word or the thing before it: it may be a count.
_SIZED = re.compile(
    rf"\b(?:sizes?|tallas?|talles?|tamanhos?|medidas?|numeros?)\b|{_LETTERS}|"
    r"(?:^|\b(?:in|an?|is|are|takes?|wears?|use|need|usa|uso|visto|veste|soy|sou|es|e|sao|son|de|en|em|"
    r"i'?m|:) )"
    rf"(?:an? |la |el |o |a )?{_FIGURE}"
)
_JOINTS = re.compile(r",| (?:and|but|y|e|pero|mas|mientras|while|enquanto) ")


@cache
def _of(attribute: Attribute) -> re.Pattern[str]:
    return re.compile(attribute.of)


@cache
def _of_figure(attribute: Attribute) -> re.Pattern[str]:
    return re.compile(rf"(?:{attribute.of})(?: \w+)? {_FIGURE}")


def named(said: str, catalogue: Iterable[Attribute]) -> list[Attribute]:
    """The attributes whose things a (folded) text names."""
    return [a for a in catalogue if a.of and _of(a).search(said)]


def named_last(said: str, catalogue: Iterable[Attribute]) -> Attribute | None:
    """Of them, the one whose thing stands last."""
    ends = [(m.end(), i, a) for i, a in enumerate(catalogue) if a.of for m in _of(a).finditer(said)]
    return max(ends)[2] if ends else None


def part_of(attribute: Attribute, said: str) -> tuple[int, int]:
    """The words that tell the size of this thing: "L de pantalón" of "soy M de remera y L de pantalón".

    All of the clause when the thing's own words give no size: "shirts and trousers in M".
    """
    edges = [0, *(p for m in _JOINTS.finditer(said) for p in m.span()), len(said)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        part = said[start:end]
        if (start, end) != (0, len(said)) and sized(attribute, part):
            return start, end
    return 0, len(said)


def sized(attribute: Attribute, said: str) -> bool:
    """Whether a (folded) text names such a thing and gives, or asks, a size."""
    if _of(attribute).search(said) is None:
        return False
    return _SIZED.search(said) is not None or _of_figure(attribute).search(said) is not None
