"""Which products suit a customer: what they told us and ask for, against what each product declares."""

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from recuerda.language import fold
from recuerda.turns import KnownFact
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.products import GARMENTS, SIZES, Product, catalogue, residue
from recuerda.turns.embedded.reading import Part
from recuerda.turns.embedded.vocabulary import normal

_TYPICAL = 2.5  # weight of being like the rest of the shelf where nothing is known
_ASKED = 2.0  # what the message asks for weighs double what we remember
_MEANING = 4.0  # weight of the likeness between message and product
_GENERAL = 1.0  # its weight when the message says nothing particular
# Who says nothing of their feet has ordinary ones.
_USUAL = {"arch_type": "neutral", "foot_width": "regular", "pronation": "neutral"}
_UNUSUAL = 0.6  # what a product made for other feet loses while we know nothing of them
_MISFITS = {"lack_of_support", "too_small", "too_big", "hurts"}
_ALIKE = 0.35  # a complaint in words of its own and the anchor of those that are about fit
_SEARCHED = 0.6  # weight of the knowledge search having found the product


@dataclass(frozen=True, slots=True)
class Wish:
    """A value the customer needs; the facts it comes from, none when only the message says it."""

    attribute: str
    values: frozenset[str]
    asked: bool  # in this message
    facts: tuple[KnownFact, ...] = ()


@dataclass(slots=True)
class Candidate:
    product: Product
    met: list[Wish] = field(default_factory=list)
    clashes: list[Wish] = field(default_factory=list)
    score: float = 0.0

    @property
    def declared(self) -> list[Wish]:
        """Of the clashes, those with what the shop says of the product, not with what it leaves unsaid."""
        return [wish for wish in self.clashes if self.product.fits.get(wish.attribute)]


def wishes(case: Case, plain: str, products: Sequence[Product], subject: str) -> list[Wish]:
    """One wish an attribute that the catalogue declares; the message overrides what we remember."""
    declared = {attribute for product in products for attribute in product.fits}
    said = case.words.wishes_in(case.said_before) | case.words.wishes_in(plain)
    if letter := said.get(GARMENTS[0]):  # "in M?" is of whatever they ask for
        said |= dict.fromkeys(GARMENTS, letter)
    asked = {name: set(values) for name, values in said.items() if name in declared}
    for draft in (*case.context.unkept, *case.heard):
        about = case.words.subject_in(fold(draft.quote)) or draft.subject
        if not draft.value or about != subject:
            continue
        for name in GARMENTS if draft.unnamed and draft.attribute in GARMENTS else (draft.attribute,):
            if name in declared:
                asked[name] = {normal(draft.value)}
    known: dict[str, list[KnownFact]] = {}
    for fact in case.facts:
        name = _named_by(fact, declared)
        if name and fact.subject == subject:
            known.setdefault(name, []).append(fact)
    found = []
    for name in declared:
        facts = known.get(name, [])
        if name in asked:
            same = tuple(fact for fact in facts if _value(fact, name) in asked[name])
            found.append(Wish(name, frozenset(asked[name]), True, same))
        elif facts:
            values = frozenset(_value(fact, name) for fact in facts)
            found.append(Wish(name, values, False, tuple(facts)))
    return sorted(found, key=lambda wish: (not wish.asked, wish.attribute))


def _named_by(fact: KnownFact, declared: Collection[str]) -> str | None:
    """The catalogue's attribute a fact is about; `diet: vegan` is about `vegan: yes`."""
    if fact.attribute in declared and fact.value:
        return fact.attribute
    return fact.value if fact.value in declared else None


def _value(fact: KnownFact, name: str) -> str:
    return normal(fact.value or "") if fact.attribute == name else "yes"


def rank(case: Case, wished: Sequence[Wish], products: Sequence[Product], part: Part) -> list[Candidate]:
    """Every product with what it meets and what it clashes with, best first."""
    if not products:
        return []
    alike = case.vectors.published([product.text for product in products]) @ part.vector
    weight = _MEANING if residue(case, part.plain, products)[0] else _GENERAL
    searched = {str((p.data or {}).get("id")): p.score for p in case.context.knowledge if p.kind == "product"}
    rarity = {wish.attribute: _rarity(wish, products) for wish in wished}
    usual = _usual(products, {wish.attribute for wish in wished})
    candidates = []
    for product, likeness in zip(products, alike, strict=True):
        candidate = Candidate(product)
        candidate.score = weight * float(likeness) + _SEARCHED * searched.get(product.id, 0.0)
        candidate.score += _TYPICAL * usual[product.id]
        candidate.score -= _UNUSUAL * sum(
            usual_value not in product.fits.get(attribute, (usual_value,))
            for attribute, usual_value in _USUAL.items()
            if attribute not in rarity
        )
        for wish in wished:
            declared = product.fits.get(wish.attribute)
            if declared is None:
                if wish.values == {"yes"}:  # not known to be vegan is not vegan
                    candidate.clashes.append(wish)
                continue
            if wish.values & set(declared):
                candidate.met.append(wish)
                candidate.score += rarity[wish.attribute] * (_ASKED if wish.asked else 1.0)
            else:
                candidate.clashes.append(wish)
        candidates.append(candidate)
    return sorted(candidates, key=lambda candidate: -candidate.score)


def _usual(products: Sequence[Product], known: Collection[str]) -> dict[str, float]:
    """How common a product's values are on its shelf, 0 to 1, over what the customer said nothing about.

    Who just asks for a shoe wants the everyday one, not the one for the gym or for racing. Only what most
    of the shelf declares counts; a product that declares something rarer is for somebody in particular.
    """
    declared = Counter(attribute for product in products for attribute in product.fits)
    common = {a for a, count in declared.items() if count * 2 > len(products)} - SIZES - set(known)
    counts = Counter((a, v) for p in products for a, values in p.fits.items() for v in values)
    shares = {}
    for product in products:
        best = [
            max(counts[attribute, value] for value in values) / len(products)
            for attribute, values in product.fits.items()
            if attribute in common and values
        ]
        extra = sum(a not in common | SIZES | set(known) | set(_USUAL) for a in product.fits)
        shares[product.id] = (sum(best) / len(best) if best else 0.5) - 0.1 * extra
    return shares


def _rarity(wish: Wish, products: Sequence[Product]) -> float:
    """The fewer products meet a wish, the more meeting it says."""
    meeting = sum(1 for p in products if wish.values & set(p.fits.get(wish.attribute, ())))
    return math.log((len(products) + 1) / (meeting + 0.5))


def let_down(case: Case, kind: str, subject: str) -> list[KnownFact]:
    """What went wrong with a past purchase of this kind of product and what the customer decided about it."""
    told = [
        fact
        for fact in case.facts
        if fact.subject == subject
        and fact.value != "no"
        and (fact.attribute == "return" or _misfit(case, fact))
    ]
    return [fact for fact in told if kind in _kinds(case, fact)]


def _misfit(case: Case, fact: KnownFact) -> bool:
    """A complaint about how a product fitted, not about a parcel or an invoice."""
    if fact.category != "issue":
        return False
    if fact.attribute == "problem" and fact.value:
        return fact.value in _MISFITS
    anchor, statement = case.embed([case.say("anchor_fit"), fact.statement])
    return bool(float(anchor @ statement) > _ALIKE)


def _kinds(case: Case, fact: KnownFact) -> set[str]:
    """The kinds of product a complaint speaks of; unsaid, those last bought, or the shop's main one."""
    said = case.words.kinds_in(fold(f"{fact.statement} {fact.quote or ''}"))
    if said:
        return set(said)
    products = catalogue(case)
    bought = _last_received(case, fact.said_at)
    kinds = [product.kind for product in products]
    return {p.kind for p in products if p.id in bought} or {max(dict.fromkeys(kinds), key=kinds.count)}


def _last_received(case: Case, before: datetime) -> set[str]:
    orders = (o for o in case.context.orders if o.kind == "order" and o.at <= before)
    kept = (o for o in orders if (o.data or {}).get("status") not in {"cancelled", "in_transit"})
    return items(next((order.data for order in kept), None))


def disliked(case: Case, facts: Sequence[KnownFact]) -> set[str]:
    """Ids of products that went back, or were the last bought before the customer complained."""
    out: set[str] = set()
    for order in case.context.orders:
        if order.kind == "return" and not (order.data or {}).get("exchanged_for"):
            out |= items(order.data)
    told: list[datetime] = [fact.said_at for fact in facts]
    if case.heard and any(draft.attribute in {"return", "problem"} for draft in case.heard):
        told.append(case.context.now)
    if told:
        out |= _last_received(case, max(told))
    return out


def items(data: dict[str, object] | None) -> set[str]:
    items = (data or {}).get("items") or []
    assert isinstance(items, list)
    return {str(item.get("product")) for item in items if isinstance(item, dict)}


def budget(case: Case) -> tuple[float, tuple[KnownFact, ...]] | None:
    """The most the customer wants to spend, in the currency we quote in."""
    for draft in case.heard:
        if draft.attribute == "budget" and draft.value and (amount := _amount(case, draft.value)):
            return amount, ()
    for fact in case.facts:
        if fact.attribute == "budget" and fact.value and (amount := _amount(case, fact.value)):
            return amount, (fact,)
    return None


def _amount(case: Case, value: str) -> float | None:
    currency = next(iter(re.findall(r"\b[A-Z]{3}\b", value)), case.currency)
    number = re.search(r"\d+(?:\.\d+)?", value)
    return float(number[0]) if number and currency == case.currency else None
