"""Forgetting on request: exactly what was asked, said before it is done; everything only once confirmed."""

import re
from collections.abc import Sequence

from recuerda.memory.terms import analyse
from recuerda.turns import KnownFact
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.reading import Part
from recuerda.turns.embedded.remembered import my

_ALIKE = 0.55  # the request and a statement, when no word of the request names one
_EXAMPLES = 2
_LISTED = 8
_FIGURE = re.compile(r"\d+(?:[.,]\d+)?")
# What only asks, in text lower-cased and without accents: the rest says what to forget.
_ASKS = re.compile(
    r"\b(?:forget|erase|delete|wipe|remove|stop|remember\w*|keep\w*|stor(?:e|ing)|sav(?:e|ing)|dont|don.?t|"
    r"better|actually|thing|told|said|"
    r"olvid\w+|borr\w+|elimin\w+|quit[ae]\w*|dej[ae]\w* de|recuerd\w+|record\w+|guard\w+|mejor|quiero|dije|"
    r"conte|esque[cs]\w+|apag\w+|delet\w+|exclu\w+|tir[ae]\w*|remov\w+|lembr\w+|salv\w+|melhor|quero|disse|"
    r"contei|puedes?|podem?|diss?o)\b"
)


def forget(case: Case, part: Part) -> str:
    facts = list(case.context.facts)  # also those awaiting consent: they are the customer's to forget
    topics = case.words.attributes_in(part.plain)
    if case.words.cues["all"].search(part.plain) and not topics:
        return _everything(case, facts)
    if not facts:
        return case.say("forget_empty")
    chosen = _named(case, facts, part) or _worded(case, facts, part) or _alike(case, facts, part)
    if other := [fact for fact in chosen if _says_another(fact, part)]:
        return _not_that(case, other)
    if chosen:
        case.used.intent, case.used.forget = "forget", [fact.id for fact in chosen]
        case.use(facts=case.used.forget)
        items = case.speech.join([_item(case, fact) for fact in chosen[:_LISTED]])
        return case.say("forget_some", items=items)
    if topics:
        return case.say("forget_topic_none", topic=case.words.label(topics[0]))
    if len(part.plain.split()) <= 3:
        labels = [my(case, label) for fact in facts if (label := case.words.label(fact.attribute))]
        examples = [
            case.speech.quote(case.say("forget_example", label=label)) for label in labels[:_EXAMPLES]
        ]
        if examples:
            return case.say("forget_which", examples=case.speech.join(examples, "or"))
    return case.say("forget_none")


def _says_another(fact: KnownFact, part: Part) -> bool:
    """ "Forget that I'm a 43", when what we know is 41."""
    asked = set(_FIGURE.findall(part.plain))
    stored = set(_FIGURE.findall(fact.value or ""))
    return bool(asked and stored) and not asked & stored


def _not_that(case: Case, facts: Sequence[KnownFact]) -> str:
    """Says what is stored instead, and how to have it forgotten."""
    case.use(facts=[fact.id for fact in facts])
    label = my(case, case.words.label(facts[0].attribute) or "")
    example = case.speech.quote(case.say("forget_example", label=label))
    items = case.speech.join([_item(case, fact) for fact in facts[:_LISTED]])
    return case.say("forget_other", items=items, example=example)


def _item(case: Case, fact: KnownFact) -> str:
    """ "tu talla (talla 42)": what is forgotten, and its value."""
    label = case.words.label(fact.attribute)
    return case.say("forget_item", label=label, said=case.phrase(fact)) if label else case.phrase(fact)


def _everything(case: Case, facts: Sequence[KnownFact]) -> str:
    if not facts:
        return case.say("forget_empty")
    case.use(facts=[fact.id for fact in facts])
    items = [case.phrase(fact) for fact in facts[:_LISTED]]
    listed = case.speech.join(list(dict.fromkeys(items))) if len(facts) <= _LISTED else ", ".join(items) + "…"
    return f"{case.say('forget_all_ask', items=listed)} {case.say('forget_all_confirm')}"


def everything_confirmed(case: Case) -> str:
    if not case.context.facts:
        return case.say("forget_empty")
    case.used.intent, case.used.forget = "forget", [fact.id for fact in case.context.facts]
    case.used.forget_all = True
    case.use(facts=case.used.forget)
    return case.say("forget_all_done")


def _named(case: Case, facts: Sequence[KnownFact], part: Part) -> list[KnownFact]:
    """Facts whose attribute, or value, the request names; a household member's only when named too."""
    topics = set(case.words.attributes_in(part.plain))
    wished = case.words.wishes_in(part.plain)
    subject = case.words.subject_in(part.plain)
    found = [fact for fact in facts if fact.attribute in topics]
    found = [
        fact
        for fact in found
        if (fact.subject == subject) == (subject is not None) or fact.attribute == "family"
    ]
    exact = [fact for fact in found if fact.value in wished.get(fact.attribute or "", ())]
    return exact or found


def _worded(case: Case, facts: Sequence[KnownFact], part: Part) -> list[KnownFact]:
    """Facts in whose words the request speaks, "forget Toby"; of "forget that", what was told just before."""
    language = case.context.language
    asked = set(analyse(_ASKS.sub(" ", part.plain), language))
    if not asked:
        said = (said.text for said in reversed(case.context.transcript) if said.author == "customer")
        last = next(said, "")
        return [fact for fact in facts if fact.quote and fact.quote in last]
    shared = {fact.id: len(asked & set(analyse(fact.statement, language))) for fact in facts}
    most = max(shared.values())
    return [fact for fact in facts if shared[fact.id] == most] if most * 2 >= len(asked) else []


def _alike(case: Case, facts: Sequence[KnownFact], part: Part) -> list[KnownFact]:
    likeness = case.embed([fact.statement for fact in facts]) @ part.vector
    nearest = int(likeness.argmax())
    return [facts[nearest]] if likeness[nearest] > _ALIKE else []
