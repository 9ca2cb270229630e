"""Which kind of product a message asks for, and whether it asks for what the catalogue does not say."""

from collections.abc import Sequence

from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.products import SIZES, Product, named, residue
from recuerda.turns.embedded.reading import Part

_OTHER_KIND = 0.08  # how much likelier another kind of product must be than the shop's main one
_CLEAR = 0.45  # likeness to a product that no strange word can spoil


def cheaper_than(case: Case, part: Part, products: Sequence[Product]) -> Product | None:
    """The product that a cheaper one is wanted than: named, or what we spoke of last."""
    if not case.words.cues["cheaper"].search(part.plain):
        return None
    found = named(case, products, part.mended) or named(case, products, case.last_reply)
    return found[0] if found else None


def kind_asked(case: Case, part: Part, products: Sequence[Product]) -> str | None:
    """The kind asked for; else the main one, unless another is clearly meant; None for what we lack."""
    sold = [product.kind for product in products]
    asked = case.words.kinds_in(part.plain) or case.words.kinds_in(case.said_before)
    if asked:
        return next((kind for kind in asked if kind in sold), None)
    if reference := cheaper_than(case, part, products):
        return reference.kind
    worn = {d.attribute for d in case.heard} | case.words.wishes_in(part.plain).keys()
    if sizes := worn & SIZES:  # what is worn in that size
        products = [product for product in products if sizes & product.fits.keys()] or products
        sold = [product.kind for product in products]
    main = max(dict.fromkeys(sold), key=sold.count)
    if sizes:
        return main
    alike = case.vectors.published([product.text for product in products]) @ part.vector
    best = {kind: max(float(a) for a, k in zip(alike, sold, strict=True) if k == kind) for kind in set(sold)}
    other = max(best, key=lambda kind: best[kind])
    wished = bool(case.words.wishes_in(part.plain)) or any(d.attribute in SIZES for d in case.heard)
    plain = not wished or (case.words.cues["sell"].match(part.plain) and not _sized(case, part))
    if plain and residue(case, part.plain, products)[1] and best[other] < _CLEAR:
        return None
    return other if best[other] > best[main] + _OTHER_KIND else main


def _sized(case: Case, part: Part) -> bool:
    return not SIZES.isdisjoint(case.words.wishes_in(part.plain))


def strange(case: Case, part: Part, products: Sequence[Product]) -> bool:
    """ "Do these run small?": all that is asked is something the catalogue does not say."""
    if not part.question or part.sure or case.words.wishes_in(part.plain) or case.goes_on or case.heard:
        return False
    if case.words.subject_in(part.plain):
        return False
    spoken_of = case.words.kinds_in(part.plain) or case.words.cues["them"].search(part.plain)
    if case.words.cues["sell"].match(part.plain) and not spoken_of:
        return False  # that asks for a product
    known, unknown = residue(case, part.plain, products)
    return len(unknown) > len(known)


def not_known(case: Case, part: Part, products: Sequence[Product]) -> list[str]:
    """ "Do you have red ones?": what is asked of products and the catalogue does not say."""
    asked = case.words.cues["sell"].match(part.plain) and case.words.kinds_in(part.plain)
    return [case.say("not_declared")] if asked and residue(case, part.plain, products)[1] else []
