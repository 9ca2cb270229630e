"""Which product to buy, and why, in the customer's own words."""

import re
from collections.abc import Sequence

from recuerda.turns import KnownFact
from recuerda.turns.embedded.articles import unknown
from recuerda.turns.embedded.asking import news
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.fit import Candidate, Wish, budget, disliked, let_down, rank, wishes
from recuerda.turns.embedded.kinds import cheaper_than, kind_asked, not_known, strange
from recuerda.turns.embedded.products import GARMENTS, SIZES, Product, catalogue, price, size_of
from recuerda.turns.embedded.reading import Part
from recuerda.turns.embedded.speech import lower_first


def recommend(case: Case, part: Part) -> str | None:
    products = catalogue(case)
    if not products:
        return None
    if strange(case, part, products):
        return f"{case.say('not_declared')} {case.say('offer_person')}"
    subject = case.words.subject_in(part.plain) or "customer"
    kind = kind_asked(case, part, products)
    if kind is None:
        return f"{case.say('none_kind')} {case.say('offer_person')}"
    shelf = [product for product in products if product.kind == kind]
    wished = wishes(case, part.plain, shelf, subject)
    regrets = let_down(case, kind, subject)
    out = disliked(case, regrets) if subject == "customer" else set()
    ranked = [candidate for candidate in rank(case, wished, shelf, part) if candidate.product.id not in out]
    fitting = [candidate for candidate in ranked if not candidate.clashes]
    fitting, dear = _affordable(case, fitting)
    reference = cheaper_than(case, part, products)
    if reference:
        fitting = _below(case, fitting, wished, reference)
        if not fitting and (amount := price(case, reference)):
            case.use(knowledge=[reference.passage.document_id])
            return case.say("cheapest_already", product=reference.name, price=amount)
    if reference or case.words.cues["cheapest"].search(part.plain):
        fitting.sort(key=lambda c: (len(_unmet(wished, c)), c.product.prices.get(case.currency or "", 0.0)))
    if not fitting:
        return _nothing(case, kind, wished, ranked)
    best = fitting[0]
    pieces = [*not_known(case, part, products), _suggestion(case, best, subject)]
    if _explained(case, wished, best, subject):
        pieces += _because(case, best, regrets)
    if amount := price(case, best.product):
        pieces.append(case.say("price", price=amount))
    if dear:
        pieces.append(case.say("over_budget"))
    pieces += _missing(case, wished, best, ranked) or _alternative(case, best, fitting[1:])
    if best.product.url:
        case.link(case.say("product_link", url=best.product.url))
    pieces += _ask(case, wished, shelf, subject)
    case.use(knowledge=[best.product.passage.document_id])
    return " ".join(pieces)


def _below(
    case: Case, fitting: Sequence[Candidate], wished: Sequence[Wish], reference: Product
) -> list[Candidate]:
    """Those cheaper than the reference that meet what was asked for as well."""
    asked = [wish for wish in wished if wish.asked and wish.attribute not in SIZES]
    cheaper = [c for c in fitting if _amount(case, c.product) < _amount(case, reference)]
    return [candidate for candidate in cheaper if all(wish in candidate.met for wish in asked)]


def _amount(case: Case, product: Product) -> float:
    return product.prices.get(case.currency or "", 0.0)


def _explained(case: Case, wished: Sequence[Wish], best: Candidate, subject: str) -> bool:
    """Whether what they told before explains the choice: not when they now ask for something else."""
    shape = [wish for wish in wished if wish.facts and wish.attribute not in SIZES]
    if shape and not any(wish in best.met for wish in shape):
        return False
    known = {fact.attribute for fact in case.facts if fact.subject == subject}
    return not any(w.asked and not w.facts and w.attribute in known - SIZES for w in wished)


def _affordable(case: Case, fitting: list[Candidate]) -> tuple[list[Candidate], bool]:
    """Those within the budget; when none is, the cheapest, and True."""
    limit = budget(case)
    currency = case.currency
    if limit is None or currency is None or not fitting:
        return fitting, False
    within = [c for c in fitting if c.product.prices.get(currency, 0.0) <= limit[0]]
    case.use(facts=[fact.id for fact in limit[1]])
    if within:
        return within, False
    return sorted(fitting, key=lambda c: c.product.prices.get(currency, 0.0)), True


def reasons(case: Case, candidate: Candidate) -> str:
    """Why it suits: what it meets, in words; its highlights when there is nothing to go by."""
    things, rest, sizes = [], [], []
    for wish in candidate.met:
        values = sorted(wish.values & set(candidate.product.fits[wish.attribute]))
        said = case.words.phrase(wish.attribute, values[0]) or values[0]
        attribute = case.words.attributes.get(wish.attribute)
        if wish.attribute in SIZES:
            sizes.append(case.say("comes_in", size=size_of(case, wish.attribute, values[0])))
        elif attribute and attribute.reason:
            rest.append(attribute.reason.format(value=said))
        else:
            things += [case.words.phrase(wish.attribute, value) or value for value in values]
        case.use(facts=[f.id for f in wish.facts if f.value in values or not wish.asked])
    made = [case.say("fits", things=case.speech.join(things))] if things else []
    told = [*made, *rest, *sizes]
    if not (made or rest) and candidate.product.highlights:
        told = [lower_first(highlight(candidate.product)), *told]
    return case.speech.join(told)


def highlight(product: Product) -> str:
    """What is best said of it, in words rather than in measures."""
    return next((text for text in product.highlights if not re.search(r"\d", text)), product.highlights[0])


def _suggestion(case: Case, best: Candidate, subject: str) -> str:
    why = reasons(case, best)
    who = case.words.subjects[subject][0] if subject != "customer" else ""
    if not best.met:
        plain = case.say("suggest_plain", product=best.product.name, highlight=why)
        return f"{case.say('for_whom', subject=who)} {lower_first(plain)}" if who else plain
    if who:
        return case.say("suggest_for", subject=who, product=best.product.name, reasons=why)
    return case.say("suggest", product=best.product.name, reasons=why)


def _because(case: Case, best: Candidate, regrets: Sequence[KnownFact]) -> list[str]:
    """The customer's own words behind the choice."""
    fits = [fact for wish in best.met if wish.attribute not in SIZES for fact in wish.facts]
    spoken = [fact for fact in regrets if fact.quote]
    groups = case.quotes([*spoken, *([] if spoken else fits)])
    if not groups:
        return []
    case.use(facts=[fact.id for fact in (spoken or fits)])
    at, _, quotes = groups[0]
    if quotes in case.last_reply:  # said a moment ago
        return []
    if len(groups) > 1:
        quotes = case.speech.join([quotes, f"{case.speech.when(groups[1][0])}, {groups[1][2]}"])
    return [case.say("because" if spoken else "because_fact", when=case.speech.when(at), quotes=quotes)]


def _unmet(wished: Sequence[Wish], candidate: Candidate) -> list[Wish]:
    return [
        wish for wish in wished if wish.asked and wish not in candidate.met and wish not in candidate.clashes
    ]


def _missing(case: Case, wished: Sequence[Wish], best: Candidate, ranked: Sequence[Candidate]) -> list[str]:
    """What was asked for and the choice is not made for; and what is, had it fitted."""
    unmet = [wish for wish in _unmet(wished, best) if wish.attribute not in SIZES]
    if not unmet:
        return []
    asked = case.speech.join([said_of(case, wish) for wish in unmet])
    for other in ranked:
        clash = next((wish for wish in other.declared if not wish.asked), None)
        if clash and all(wish in other.met for wish in unmet):
            case.use(knowledge=[other.product.passage.document_id], facts=[fact.id for fact in clash.facts])
            if clash.attribute in SIZES:
                size = size_of(case, clash.attribute, min(clash.values))
                return [case.say("unmet_size", asked=asked, product=other.product.name, size=size)]
            made = [case.words.phrase(clash.attribute, v) or v for v in other.product.fits[clash.attribute]]
            return [
                case.say("unmet", asked=asked, product=other.product.name, clash=case.speech.join(made, "or"))
            ]
    return [case.say("unmet_none", asked=asked)]


def _alternative(case: Case, best: Candidate, others: Sequence[Candidate]) -> list[str]:
    """The next best, when it meets as much of what was asked."""
    asked = [wish for wish in best.met if wish.asked]
    for other in others:
        if all(wish in other.met for wish in asked) and other.product.highlights:
            product = other.product
            difference = lower_first(highlight(product))
            amount = price(case, product)
            if amount:
                difference = case.say("alternative_price", difference=difference, price=amount)
            case.use(knowledge=[product.passage.document_id])
            return [case.say("alternative", product=product.name, difference=difference)]
    return []


def _ask(case: Case, wished: Sequence[Wish], shelf: Sequence[Product], subject: str) -> list[str]:
    """One question whose answer would change the choice: the size, else where it will be used.

    None when there is something graver to ask.
    """
    if case.context.remembers and news(case):
        return []
    known = {wish.attribute for wish in wished}
    declared = [attribute for product in shelf for attribute in product.fits]
    for attribute in ("shoe_size", *GARMENTS):
        if attribute in declared and declared.count(attribute) * 2 > len(shelf):
            if attribute not in known:
                return [case.say(f"ask_{attribute}" if subject == "customer" else "ask_size_for")]
            break
    if "terrain" not in known and declared.count("terrain") * 2 > len(shelf):
        return [case.say("ask_terrain")]
    return []


def said_of(case: Case, wish: Wish) -> str:
    return case.speech.join(
        [case.words.phrase(wish.attribute, value) or value for value in sorted(wish.values)], "or"
    )


def _nothing(case: Case, kind: str, wished: Sequence[Wish], ranked: Sequence[Candidate]) -> str:
    """What nothing meets, and the nearest there is: all that was asked now, and the size."""
    if not wished:
        return unknown(case)
    said = case.words.kinds.get(kind, (case.say("something"),))[0]
    case.use(facts=[fact.id for wish in wished for fact in wish.facts])
    wants = case.speech.join([said_of(case, wish) for wish in wished])
    pieces = [case.say("none_fits", kind=said, wants=wants)]
    near = [c for c in ranked if len(c.clashes) == 1 and not c.clashes[0].asked]
    near = [c for c in near if c.declared and c.clashes[0].attribute not in SIZES]
    if near:
        product, clash = near[0].product, near[0].clashes[0]
        made = [case.words.phrase(clash.attribute, v) or v for v in product.fits[clash.attribute]]
        why, other = reasons(case, near[0]), case.speech.join(made, "or")
        pieces.append(case.say("nearest", product=product.name, reasons=why, clash=other))
        case.use(knowledge=[product.passage.document_id])
        if product.url:
            case.link(case.say("product_link", url=product.url))
    return " ".join([*pieces, case.say("offer_person")])


def better_than(case: Case, part: Part, product: Product) -> list[str]:
    """Of the same kind as a product that does not suit, the one that does."""
    shelf = [other for other in catalogue(case) if other.kind == product.kind]
    ranked = rank(case, wishes(case, part.plain, shelf, "customer"), shelf, part)
    best = next((candidate for candidate in ranked if not candidate.clashes and candidate.met), None)
    if best is None:
        return []
    case.use(knowledge=[best.product.passage.document_id])
    return [case.say("better", product=best.product.name, reasons=reasons(case, best))]
