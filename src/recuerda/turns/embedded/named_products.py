"""Questions about products by name: do they suit, in which size, for how much."""

from collections.abc import Sequence

from recuerda.language import fold
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.fit import Wish, rank, wishes
from recuerda.turns.embedded.products import (
    SIZES,
    Product,
    catalogue,
    named,
    price,
    referred,
    residue,
    size_of,
)
from recuerda.turns.embedded.reading import Part
from recuerda.turns.embedded.recommend import better_than, reasons, said_of
from recuerda.turns.embedded.speech import lower_first


def about_product(case: Case, part: Part) -> str | None:
    """What is asked about the products a message names; None when it names none."""
    products = named(case, catalogue(case), part.mended)[:3] or referred(case, part)
    sized = set(case.words.wishes_in(part.plain)) & SIZES
    if len(products) > 1 and not sized:
        return _compared(case, part, products)
    return " ".join(_about(case, part, product) for product in products) or None


def _compared(case: Case, part: Part, products: Sequence[Product]) -> str:
    """Side by side; then the one that suits, when the others do not."""
    wished = wishes(case, part.plain, products, "customer")
    pieces, clashes = [], []
    for product in products:
        case.use(knowledge=[product.passage.document_id])
        told, amount = (
            case.speech.join([lower_first(text) for text in product.highlights]),
            price(case, product),
        )
        key = "compare_price" if amount else "compare"
        pieces.append(case.say(key, product=product.name, highlights=told, price=amount))
        if product.url:
            case.link(f"{product.name}: {product.url}")
        if rank(case, wished, [product], part)[0].clashes:
            clashes.append(product)
    suits = [product for product in products if product not in clashes]
    if clashes and len(suits) == 1:
        pieces.append(_suits(case, part, suits[0], wished))
    return " ".join(pieces)


def _about(case: Case, part: Part, product: Product) -> str:
    subject = case.words.subject_in(part.plain) or "customer"
    wished = wishes(case, part.plain, [product], subject)
    case.use(knowledge=[product.passage.document_id])
    pieces = []
    for wish in (w for w in wished if w.attribute in SIZES and w.asked):
        there = wish.values & set(product.fits[wish.attribute])
        size = size_of(case, wish.attribute, min(wish.values))
        pieces.append(
            case.say("product_size" if there else "product_no_size", product=product.name, size=size)
        )
    if case.words.cues["price"].search(part.plain):
        amount = price(case, product)
        told = (
            case.say("product_price", product=product.name, price=amount)
            if amount
            else case.say("price_unknown")
        )
        pieces.append(told)
    if not pieces:
        pieces.append(_suits(case, part, product, wished))
    if product.url:
        case.link(case.say("product_link", url=product.url))
    return " ".join(pieces)


def _suits(case: Case, part: Part, product: Product, wished: Sequence[Wish]) -> str:
    candidate = rank(case, wished, [product], part)[0]
    if _undeclared(case, part, product) or (candidate.clashes and not candidate.declared):
        about = case.say("product_about", product=product.name, text=product.description)
        return f"{case.say('not_declared')} {about}"  # what was asked is not said of it: no "yes"
    if candidate.declared:
        wish = candidate.declared[0]
        case.use(facts=[fact.id for fact in wish.facts])
        if wish.attribute in SIZES:
            size = size_of(case, wish.attribute, min(wish.values))
            return case.say("product_no_size", product=product.name, size=size)
        made = [case.words.phrase(wish.attribute, value) or value for value in product.fits[wish.attribute]]
        yours = case.say("yours_is", fact=said_of(case, wish))
        clash = case.say(
            "product_clash", product=product.name, made=case.speech.join(made, "or"), yours=yours
        )
        return " ".join([clash, *better_than(case, part, product)])
    if candidate.met:
        return case.say("product_fits", product=product.name, reasons=reasons(case, candidate))
    return case.say("product_about", product=product.name, text=product.description)


def _undeclared(case: Case, part: Part, product: Product) -> bool:
    """Whether something is asked that other products say of themselves and this one does not, or that the
    catalogue knows nothing of."""
    plain = part.plain.replace(fold(product.name), " ")
    known, unknown = residue(case, plain, catalogue(case))
    if part.question and len(unknown) > len(known):
        return True
    asked = case.words.wishes_in(part.plain).keys() - SIZES - product.fits.keys()
    return any(attribute in other.fits for attribute in asked for other in catalogue(case))
