"""Where an order is, what was bought and when: from the customer's own orders and returns."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from recuerda.language import detect
from recuerda.turns import KnownMemory
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.products import Product, catalogue, item_name, named, sized
from recuerda.turns.embedded.reading import Part

_NUMBER = re.compile(r"(?<![\d.,$])#?\b(\d{4,9})\b(?![.,]\d)")
_CLOSED = {"delivered", "cancelled", "canceled", "returned", "refunded", "resolved"}
_MOST = 4


def order(case: Case, part: Part) -> str | None:
    orders = [o for o in case.context.orders if o.kind == "order"]
    if number := _asked_number(case, part):
        found = next((o for o in case.context.orders if order_number(o) == number), None)
        if found is None:
            return f"{case.say('order_unknown', order=number)} {case.say('order_number_check')}"
        return _told(case, found)
    returns = [o for o in case.context.orders if o.kind == "return"]
    if case.words.cues["returned"].search(part.plain) and returns:
        return _returned(case, returns[0])
    if case.words.cues["returned"].search(part.plain) and part.question and orders:
        return case.say("return_none")
    if not orders:
        return f"{case.say('order_none')} {case.say('order_check')}"
    if case.words.cues["several"].search(part.plain):
        return _listed(case, orders)
    bought = case.words.cues["bought"].search(part.plain)
    if said := _item_asked(case, part, orders, bool(bought)):
        return said
    if bought:
        return _last(case, orders[0], paid=bool(case.words.cues["paid"].search(part.plain)))
    open_orders = [o for o in orders if _status(o) not in _CLOSED]
    if open_orders:
        return " ".join(_told(case, o) for o in open_orders[:2])
    return " ".join([case.say("order_no_open"), _latest(case, orders[0]), *_complaint(case)])


def _asked_number(case: Case, part: Part) -> str | None:
    match = _NUMBER.search(part.plain)
    return match[1] if match else None


def order_number(memory: KnownMemory) -> str:
    return str((memory.data or {}).get("order", ""))


def _status(memory: KnownMemory) -> str:
    return str((memory.data or {}).get("status", "")).lower()


def items_of(case: Case, memory: KnownMemory, products: Sequence[Product]) -> str:
    """ "Malecón talla 42 y Brisa Tobillera talla M"; the memory's own text when it lists nothing."""
    said = []
    for item in (memory.data or {}).get("items") or []:
        name = item_name(products, item)
        size = str(item.get("size") or "")
        if name and (told := sized(case, name, size)) not in said:
            said.append(told)
    return case.speech.join(said) if said else case.speech.quote(memory.text)


def _told(case: Case, memory: KnownMemory) -> str:
    """One order: what, how it stands, with whom and when it comes."""
    case.use(memories=[memory.id])
    if memory.kind == "return":
        return _returned(case, memory)
    data, status = memory.data or {}, _status(memory)
    items = items_of(case, memory, catalogue(case))
    how = _standing(case, memory)
    number = order_number(memory)
    if status in _CLOSED:
        date = case.speech.date(memory.at)
        return case.say("order_done", order=number, items=items, date=date, status=how)
    if carrier := data.get("carrier"):
        how = f"{how} {case.say('with_carrier', carrier=carrier)}"
    pieces = [case.say("order_open", order=number, items=items, status=how)]
    if eta := _date(data.get("eta")):
        late = eta.date() < case.context.now.date()
        pieces.append(case.say("eta_late" if late else "eta", date=case.speech.date(eta)))
    return " ".join(pieces)


def _latest(case: Case, memory: KnownMemory) -> str:
    case.use(memories=[memory.id])
    items, date = items_of(case, memory, catalogue(case)), case.speech.date(memory.at)
    how = _standing(case, memory)
    return case.say("order_latest", order=order_number(memory), items=items, date=date, status=how)


def _standing(case: Case, memory: KnownMemory) -> str:
    key = f"status_{_status(memory)}"
    return case.say(key if case.speech.has(key) else "status_other", status=_status(memory) or "?")


def _complaint(case: Case) -> list[str]:
    """A parcel shown as delivered that is not there is for a person to look into."""
    if not any(draft.category == "issue" for draft in case.heard):
        return []
    return [case.say("order_not_arrived"), case.say("offer_person")]


def _date(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _last(case: Case, memory: KnownMemory, *, paid: bool = False) -> str:
    case.use(memories=[memory.id])
    items = items_of(case, memory, catalogue(case))
    date = case.speech.date(memory.at)
    said = case.say("order_last", date=date, items=items, order=order_number(memory))
    return f"{said} {_paid(case, memory.data)}".strip() if paid else said


def _paid(case: Case, data: dict[str, object] | None, key: str = "total") -> str:
    amount, currency = (data or {}).get(key), (data or {}).get("currency")
    if not isinstance(amount, int | float) or not currency:
        return ""
    return case.say("order_paid", price=case.speech.money(amount, str(currency)))


def _item_asked(case: Case, part: Part, orders: Sequence[KnownMemory], bought: bool) -> str | None:
    """When a certain product, or kind of product, was bought."""
    products = catalogue(case)
    names = [product.id for product in named(case, products, part.mended)]
    kinds = [] if names else case.words.kinds_in(part.plain)
    if not names and (not kinds or not bought):
        return None
    wanted = set(names) or {product.id for product in products if product.kind in kinds}
    for memory in orders:
        if _status(memory) in {"cancelled", "canceled"}:
            continue
        for item in (memory.data or {}).get("items") or []:
            if str(item.get("product")) in wanted:
                return _bought(case, part, memory, item, products, bought)
    missing = next((p.name for p in products if p.id in names), None) or case.words.kinds[kinds[0]][0]
    return case.say("order_never", item=missing)


def _bought(
    case: Case,
    part: Part,
    memory: KnownMemory,
    item: dict[str, object],
    products: Sequence[Product],
    bought: bool,
) -> str:
    if not bought:
        return _told(case, memory)
    case.use(memories=[memory.id])
    name = sized(case, item_name(products, item) or "", str(item.get("size") or ""))
    date = case.speech.date(memory.at)
    said = case.say("order_bought", item=name, date=date, order=order_number(memory))
    amount, currency = item.get("price"), item.get("currency")
    if case.words.cues["paid"].search(part.plain) and isinstance(amount, int | float) and currency:
        said += " " + case.say("order_paid", price=case.speech.money(amount, str(currency)))
    return said


def _listed(case: Case, orders: Sequence[KnownMemory]) -> str:
    products = catalogue(case)
    case.use(memories=[memory.id for memory in orders[:_MOST]])
    lines = [
        f"- {case.speech.date(memory.at)}: {items_of(case, memory, products)} ({order_number(memory)})"
        for memory in orders[:_MOST]
    ]
    return "\n".join([case.say("order_list"), *lines])


def _returned(case: Case, memory: KnownMemory) -> str:
    """The note of the return, when it is in the customer's language; else its plain data."""
    case.use(memories=[memory.id])
    if detect(memory.text, case.context.language) == case.context.language:
        return case.say("return_known", text=memory.text)
    items = items_of(case, memory, catalogue(case))
    date = case.speech.date(memory.at)
    said = case.say("return_line", order=order_number(memory), items=items, date=date)
    data = memory.data or {}
    if isinstance(data.get("refund"), int | float) and data.get("currency"):
        said += " " + case.say(
            "return_refund", price=case.speech.money(data["refund"], str(data["currency"]))
        )
    return said


def last_received(case: Case) -> KnownMemory | None:
    """The latest order the customer has at home."""
    return next((o for o in case.context.orders if o.kind == "order" and _status(o) == "delivered"), None)


def open_order(case: Case) -> KnownMemory | None:
    """The latest order that has not arrived yet."""
    orders = (o for o in case.context.orders if o.kind == "order")
    return next((o for o in orders if _status(o) not in _CLOSED), None)
