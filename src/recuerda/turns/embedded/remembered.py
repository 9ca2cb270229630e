"""What is remembered about a customer, shown on request, with where it was said."""

from collections.abc import Sequence

from recuerda.turns import KnownFact
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.products import SIZES, catalogue, size_of
from recuerda.turns.embedded.reading import Part
from recuerda.turns.embedded.speech import sentence
from recuerda.turns.embedded.vocabulary import normal

_MOST = 14


def remembered(case: Case, part: Part) -> str:
    case.used.exact = True
    said = _remembered(case, part)
    return said if case.context.remembers else f"{said}\n{case.say('memory_is_off')}"


def _remembered(case: Case, part: Part) -> str:
    facts = list(case.context.facts)
    topics = _topics(case, part)
    if topics:
        return _topic(case, facts, topics)
    if not facts:
        known = [case.say("orders_too")] if case.context.orders else []
        return " ".join([case.say("remembered_none"), *known])
    shown = facts[:_MOST]
    case.use(facts=[fact.id for fact in shown])
    more = [case.say("remembered_more")] if len(facts) > len(shown) else []
    return "\n".join([case.say("remembered"), *_lines(case, shown), " ".join([*more, _how(case, shown)])])


def _topics(case: Case, part: Part) -> list[str]:
    """Attributes asked about: "my size", "my arch"."""
    if case.words.cues["all"].search(part.plain):
        return []
    return case.words.attributes_in(part.plain)


def _topic(case: Case, facts: Sequence[KnownFact], topics: Sequence[str]) -> str:
    found = [fact for fact in facts if fact.attribute in topics]
    if not found and (said := _size_ordered(case, topics)):
        return said
    if not found:
        return case.say("remembered_topic_none", topic=case.words.label(topics[0]))
    case.use(facts=[fact.id for fact in found])
    if len(found) == 1:
        return case.say("remembered_one", item=_item(case, found[0]))
    return "\n".join(
        [case.say("remembered_topic"), *(f"- {sentence(_item(case, fact))}" for fact in found[:_MOST])]
    )


def _size_ordered(case: Case, topics: Sequence[str]) -> str | None:
    """The size of what they last bought of the kind that is worn in it, when they told none."""
    products = {product.id: product for product in catalogue(case)}
    for order in (order for order in case.context.orders if order.kind == "order"):
        for item in (order.data or {}).get("items") or []:
            product, size = products.get(str(item.get("product"))), normal(str(item.get("size") or ""))
            topic = next((t for t in topics if product and size in product.fits.get(t, ())), None)
            if product and topic in SIZES:
                case.use(memories=[order.id])
                said = size_of(case, topic, size)
                return case.say(
                    "size_ordered", size=said, product=product.name, date=case.speech.date(order.at)
                )
    return None


def _lines(case: Case, facts: Sequence[KnownFact]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for category, name in case.words.categories.items():
        groups[name] = [_item(case, fact) for fact in facts if fact.category == category]
    rest = [_item(case, fact) for fact in facts if fact.category not in case.words.categories]
    groups[case.say("other_things")] = rest
    return [f"- {name}: {'; '.join(items)}" for name, items in groups.items() if items]


def _item(case: Case, fact: KnownFact) -> str:
    """ "talla 42 («calzo 42», 12 de noviembre, por confirmar)" """
    said = case.phrase(fact)
    notes = (
        [case.speech.quote(fact.quote, 90)]
        if fact.quote and case.speech.quote(fact.quote, 90) != said
        else []
    )
    notes.append(case.speech.date(fact.said_at))
    if fact.proposed:
        notes.append(case.say("unconfirmed"))
    if fact.subject in case.words.subjects:
        said = f"{case.words.subjects[fact.subject][0]}: {said}"
    return f"{said} ({', '.join(notes)})"


def _how(case: Case, facts: Sequence[KnownFact]) -> str:
    label = next((label for fact in facts if (label := case.words.label(fact.attribute))), None)
    label = label or case.words.label("shoe_size")
    return case.say(
        "remembered_how",
        correct=case.say("how_correct"),
        forget=case.say("how_forget", label=my(case, label)),
    )


def my(case: Case, label: str | None) -> str:
    """ "tu talla" as the customer would say it: "mi talla"."""
    text = label or ""
    for ours, theirs in case.speech.pairs("yours_to_mine"):
        if text.startswith(ours):
            return theirs + text[len(ours) :]
    return text


def why(case: Case) -> str:
    """Where what we said last comes from."""
    case.used.exact = True
    last = case.last_reply
    behind = [fact for fact in case.facts if _mentioned(case, fact, last)]
    if not last:
        return case.say("why_none")
    spoken = case.quotes(behind, most=3)
    if spoken:
        case.use(facts=[fact.id for fact in behind if fact.quote])
        at, _, quotes = spoken[0]
        for other, _, more in spoken[1:]:
            quotes = case.speech.join([quotes, f"{case.speech.when(other)}, {more}"])
        return case.say("why", when=case.speech.when(at), quotes=quotes)
    if behind:
        case.use(facts=[fact.id for fact in behind])
        return case.say("why_agent", items=case.speech.join([case.phrase(fact) for fact in behind]))
    for passage in case.context.knowledge:
        title = passage.title.split(" › ")[0]
        if title in last:
            case.use(knowledge=[passage.document_id])
            return case.say("why_article", title=case.say("quote", text=title))
    for memory in case.context.orders:
        number = str((memory.data or {}).get("order", ""))
        if number and number in last:
            case.use(memories=[memory.id])
            return case.say("why_order")
    return case.say("why_none")


def _mentioned(case: Case, fact: KnownFact, text: str) -> bool:
    said = case.words.phrase(fact.attribute, fact.value)
    return bool((fact.quote and fact.quote.strip(" .,;:") in text) or (said and said in text))
