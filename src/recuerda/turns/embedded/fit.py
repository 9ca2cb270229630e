"""Which products suit a customer: what they told us and ask for, against what each product declares."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from recuerda.language import fold
from recuerda.turns import KnownFact
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.products import Product
from recuerda.turns.embedded.vocabulary import normal

_ASKED = 2.0  # what the message asks for weighs double what we remember
_MEANING = 4.0  # weight of the likeness between message and product
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


def wishes(case: Case, plain: str, products: Sequence[Product], subject: str) -> list[Wish]:
    """One wish an attribute that the catalogue declares; the message overrides what we remember."""
    declared = {attribute for product in products for attribute in product.fits}
    asked = {name: set(values) for name, values in case.words.wishes_in(plain).items() if name in declared}
    for draft in case.context.heard:
        if draft.attribute in declared and draft.value and draft.subject == subject:
            asked[draft.attribute] = {normal(draft.value)}
    known: dict[str, list[KnownFact]] = {}
    for fact in case.facts:
        if fact.attribute in declared and fact.value and fact.subject == subject:
            known.setdefault(fact.attribute, []).append(fact)
    found = []
    for name in declared:
        facts = known.get(name, [])
        if name in asked:
            same = tuple(fact for fact in facts if normal(fact.value or "") in asked[name])
            found.append(Wish(name, frozenset(asked[name]), True, same))
        elif facts:
            values = frozenset(normal(fact.value or "") for fact in facts)
            found.append(Wish(name, values, False, tuple(facts)))
    return sorted(found, key=lambda wish: (not wish.asked, wish.attribute))


def rank(case: Case, wished: Sequence[Wish], products: Sequence[Product], vector: object) -> list[Candidate]:
    """Every product with what it meets and what it clashes with, best first."""
    if not products:
        return []
    alike = case.vectors.published([product.text for product in products]) @ vector  # type: ignore[operator]
    searched = {str((p.data or {}).get("id")): p.score for p in case.context.knowledge if p.kind == "product"}
    rarity = {wish.attribute: _rarity(wish, products) for wish in wished}
    candidates = []
    for product, likeness in zip(products, alike, strict=True):
        candidate = Candidate(product)
        candidate.score = _MEANING * float(likeness) + _SEARCHED * searched.get(product.id, 0.0)
        for wish in wished:
            declared = product.fits.get(wish.attribute)
            if declared is None:
                continue
            if wish.values & set(declared):
                candidate.met.append(wish)
                candidate.score += rarity[wish.attribute] * (_ASKED if wish.asked else 1.0)
            else:
                candidate.clashes.append(wish)
        candidates.append(candidate)
    return sorted(candidates, key=lambda candidate: -candidate.score)


def _rarity(wish: Wish, products: Sequence[Product]) -> float:
    """The fewer products meet a wish, the more meeting it says."""
    meeting = sum(1 for p in products if wish.values & set(p.fits.get(wish.attribute, ())))
    return math.log((len(products) + 1) / (meeting + 0.5))


def let_down(case: Case, wished_kind: str, subject: str) -> list[KnownFact]:
    """What went wrong with a past purchase of this kind and what the customer decided about it."""
    kinds = {kind for kind, _ in case.words.kinds.items()}
    found = []
    for fact in case.facts:
        if fact.category not in {"issue", "intent"} or fact.subject != subject or fact.value == "no":
            continue
        about = set(case.words.kinds_in(fold(f"{fact.statement} {fact.quote or ''}"))) & kinds
        if about and wished_kind not in about:
            continue
        if fact.attribute == "return" or (fact.category == "issue" and _about_fit(case, fact)):
            found.append(fact)
    return found


def _about_fit(case: Case, fact: KnownFact) -> bool:
    """Whether a complaint is about how a product fitted, not about a parcel or an invoice."""
    attribute = case.words.attributes.get(fact.attribute or "")
    if attribute and fact.value in attribute.values:
        return True
    anchor, statement = case.embed([case.say("anchor_fit"), fact.statement])
    return bool(float(anchor @ statement) > 0.35)


def disliked(case: Case, facts: Sequence[KnownFact]) -> set[str]:
    """Ids of products that went back, or were the last bought before the customer complained."""
    out: set[str] = set()
    for order in case.context.orders:
        if order.kind == "return" and not (order.data or {}).get("exchanged_for"):
            out |= _items(order.data)
    told: list[datetime] = [fact.said_at for fact in facts]
    if case.context.heard and any(draft.attribute in {"return", "problem"} for draft in case.context.heard):
        told.append(case.context.now)
    if told:
        before = (o for o in case.context.orders if o.kind == "order" and o.at <= max(told))
        kept = (o for o in before if (o.data or {}).get("status") not in {"cancelled", "in_transit"})
        out |= _items(next((order.data for order in kept), None))
    return out


def _items(data: dict[str, object] | None) -> set[str]:
    items = (data or {}).get("items") or []
    assert isinstance(items, list)
    return {str(item.get("product")) for item in items if isinstance(item, dict)}


def budget(case: Case) -> tuple[float, tuple[KnownFact, ...]] | None:
    """The most the customer wants to spend, in the currency we quote in."""
    for draft in case.context.heard:
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
