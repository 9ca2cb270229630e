"""Drift: what a customer once said of themselves against what their orders have said since.

Found here, asked about once, never assumed. Pure: facts and orders in, suspicions out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recuerda.extraction.statements import plain_value
from recuerda.models import Fact, FactStatus
from recuerda.turns import Drift, KnownMemory, KnownPassage

_ORDERS = 2  # so many in a row that say another value
_SIZE = "size"  # how orders name the size of an item, whatever it is a size of
_NEAR = 4  # sizes of one thing are no further apart; a jacket's 48 is not a shoe's 41
_NOT_KEPT = {"cancelled", "returned"}


def drifts(
    facts: Sequence[Fact], orders: Sequence[KnownMemory], products: Sequence[KnownPassage]
) -> list[Drift]:
    """Single-valued facts about the customer that the latest orders contradict. `orders` newest first."""
    returned = {_number(order) for order in orders if order.kind == "return"} - {None}
    kept = [
        order
        for order in orders
        if order.kind == "order"
        and _number(order) not in returned
        and (order.data or {}).get("status") not in _NOT_KEPT
    ]
    declared = {str((p.data or {}).get("id")): (p.data or {}).get("fits") or {} for p in products}
    found = []
    for fact in facts:
        if fact.status is FactStatus.ACTIVE and fact.single and fact.value and fact.subject == "customer":
            latest = list(_latest(fact, kept, declared))[:_ORDERS]
            values = {value for value, _ in latest}
            if len(latest) == _ORDERS and len(values) == 1 and plain_value(fact.value) not in values:
                found.append(Drift(fact.id, latest[0][0], tuple(id for _, id in latest)))
    return found


def _number(order: KnownMemory) -> object:
    return (order.data or {}).get("order")


def _latest(
    fact: Fact, orders: Sequence[KnownMemory], declared: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """(value, order's id) of the orders since the fact that say one value of its attribute."""
    for order in orders:
        if order.at <= fact.valid_from:
            return
        data = order.data or {}
        items = [item for item in data.get("items") or () if isinstance(item, dict)]
        said = {plain_value(str(v)) for item in (data, *items) if (v := _value(fact, item, declared))}
        if len(said) == 1:
            yield said.pop(), order.id


def _value(fact: Fact, item: Mapping[str, Any], declared: Mapping[str, Mapping[str, Any]]) -> object:
    name = fact.attribute or ""
    if name in item:
        return item[name]
    size = item.get(_SIZE)
    if size is None or not name.endswith(f"_{_SIZE}"):
        return None
    fits = declared.get(str(item.get("product")))
    if fits is not None and name not in fits:
        return None
    return size if _alike(str(fact.value), str(size)) else None


def _alike(known: str, ordered: str) -> bool:
    numbers = [re.fullmatch(r"\d{1,3}(?:[.,]\d)?", value.strip()) for value in (known, ordered)]
    if all(numbers):
        a, b = (float(value.replace(",", ".")) for value in (known, ordered))
        return abs(a - b) <= _NEAR
    return not any(numbers) and all(re.fullmatch(r"(?i)\d?x*[smlg]", v.strip()) for v in (known, ordered))
