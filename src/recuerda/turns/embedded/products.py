"""The catalogue as replies see it: records of `Context.products`, their prices, sizes and names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from recuerda.language import Language, fold
from recuerda.memory.terms import analyse, words
from recuerda.turns import KnownPassage
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.reading import Part
from recuerda.turns.embedded.vocabulary import normal

GARMENTS = ("garment_size", "bottoms_size", "sock_size")
SIZES = {"shoe_size", *GARMENTS}
_TELLING = 5  # letters of a first word that may stand for the name


@dataclass(frozen=True, slots=True)
class Product:
    passage: KnownPassage
    id: str
    name: str
    kind: str
    url: str | None
    prices: dict[str, float]
    fits: dict[str, tuple[str, ...]]
    description: str
    highlights: tuple[str, ...]

    @property
    def text(self) -> str:
        """What its vector is made of."""
        return f"{self.name}. {'. '.join(self.highlights)}. {self.description}"


_made: dict[Language, tuple[Sequence[KnownPassage], list[Product]]] = {}  # of what was given last


def catalogue(case: Case) -> list[Product]:
    """Shared with other turns: not to be changed."""
    given, language = case.context.products, case.context.language
    if (known := _made.get(language)) is None or known[0] is not given:
        every = [_product(passage, language) for passage in given]
        known = given, list({product.id: product for product in every if product}.values())
        _made[language] = known
    return known[1]


def _product(passage: KnownPassage, language: Language) -> Product | None:
    data = passage.data
    if not data or not data.get("name"):
        return None
    fits = data.get("fits") or {}
    return Product(
        passage=passage,
        id=str(data.get("id", passage.document_id)),
        name=str(data["name"]),
        kind=str(data.get("kind", "")),
        url=data.get("url") or passage.url,
        prices={str(c): float(a) for c, a in (data.get("price") or {}).items()},
        fits={str(a): tuple(normal(str(v)) for v in _listed(values)) for a, values in fits.items()},
        description=str((data.get("description") or {}).get(language) or passage.text),
        highlights=tuple((data.get("highlights") or {}).get(language) or ()),
    )


def _listed(values: object) -> Sequence[object]:
    return values if isinstance(values, list | tuple) else [values]


def price(case: Case, product: Product) -> str | None:
    """In the customer's currency, or the catalogue's only one."""
    currency = case.currency
    if currency not in product.prices and len(product.prices) == 1:
        currency = next(iter(product.prices))
    if currency is None or currency not in product.prices:
        return None
    return case.speech.money(product.prices[currency], currency)


def residue(case: Case, plain: str, products: Sequence[Product]) -> tuple[list[str], list[str]]:
    """The terms of a request that the vocabulary does not explain: (in the catalogue, nowhere in it)."""
    rest = plain
    for pattern in case.words.patterns:
        rest = pattern.sub(" ", rest)
    terms = [term for term in analyse(rest, case.context.language) if not term.isdigit()]
    known = {term for product in products for term in _terms(product.text, case.context.language)}
    return [term for term in terms if term in known], [term for term in terms if term not in known]


def size_of(case: Case, attribute: str, value: str) -> str:
    return case.words.phrase(attribute, value) or value


def sized(case: Case, name: str, size: str) -> str:
    """A name with its size; "one size" says nothing and is left out."""
    if re.fullmatch(r"[\d.,]+", size):
        return f"{name} {size_of(case, 'shoe_size', size)}"
    return f"{name} {size_of(case, 'garment_size', size)}" if re.fullmatch(r"X*[SML]", size) else name


def named(case: Case, products: Sequence[Product], text: str) -> list[Product]:
    """Products a text names, in full or by a first word that is enough. A name that is also a common word
    counts with a capital, or when the search found that product too."""
    found_too = {str((p.data or {}).get("id")) for p in case.context.knowledge[:3] if p.kind == "product"}
    plain = fold(text)
    hits: list[tuple[int, int, Product]] = []
    perhaps = [product for product in products if _folded(product.name.split(" ")[0]) in plain]
    for product, name in [pair for each in perhaps for pair in _names(case, each, products)]:
        there = _folded(name) in plain
        match = re.search(rf"(?<!\w){re.escape(_folded(name))}(?!\w)", plain) if there else None
        if match is None:
            continue
        written = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
        capital = written is not None and (written.start() > 0 or " " not in text.strip())
        if " " in name or capital or product.id in found_too or not _common(case, name):
            hits.append((match.start(), match.end(), product))
    longest = [
        (start, product)
        for start, end, product in hits
        if not any(s <= start and end <= e and e - s > end - start for s, e, _ in hits)
    ]
    return list({product.id: product for _, product in sorted(longest, key=lambda pair: pair[0])}.values())


def _names(case: Case, product: Product, products: Sequence[Product]) -> list[tuple[Product, str]]:
    """Its name; and the first word of it, for the product with the shortest name that begins so."""
    first = product.name.split(" ")[0]
    rivals = [other for other in products if other.name.split(" ")[0] == first]
    shortest = min(rivals, key=lambda other: len(other.name))
    alone = len(first) >= _TELLING and not case.words.kinds_in(fold(first)) and shortest is product
    return [(product, product.name), *([(product, first)] if alone and first != product.name else [])]


def _common(case: Case, name: str) -> bool:
    """Whether the brand itself uses the word without a capital: "el puente del pie", "por la ruta"."""
    texts = (passage.text for passage in (*case.context.products, *case.context.knowledge))
    return any(name.lower() in _written(text) for text in texts)


_folded = lru_cache(maxsize=4000)(fold)


@lru_cache(maxsize=4000)
def _terms(text: str, language: Language) -> frozenset[str]:
    """The search terms of something the brand published."""
    return frozenset(analyse(text, language))


@lru_cache(maxsize=4000)
def _written(text: str) -> frozenset[str]:
    """The words of something the brand published, as written."""
    return frozenset(words(text))


_SHORT = 7  # words of a question about what was just spoken of


def referred(case: Case, part: Part) -> list[Product]:
    """The product our last reply put first, when a short question names nothing of its own: "how much is
    it?", "are they waterproof?"."""
    products, said, plain = catalogue(case), case.words, part.plain
    if not (part.question and case.last_reply) or len(plain.split()) > _SHORT:
        return []
    if said.kinds_in(plain) or named(case, products, part.mended) or any(residue(case, plain, products)):
        return []  # it names something of its own
    if any(said.cues[cue].search(plain) for cue in ("ordered", "cheapest", "all")):
        return []
    is_it = part.text.lstrip("¿ ").lower().startswith("é ")  # "é impermeável?": no "e" that goes on
    goes_on = said.cues["again"].fullmatch(plain) and not is_it
    if not said.cues["price"].search(plain) and (goes_on or not said.wishes_in(plain)):
        return []
    return named(case, products, case.last_reply)[:1]


def item_name(products: Sequence[Product], item: dict[str, object]) -> str | None:
    """What an order's item is called."""
    id = str(item.get("product", ""))
    known = next((product.name for product in products if product.id == id), None)
    name = known or item.get("name") or id
    return str(name) if name else None
