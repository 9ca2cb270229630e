"""Asking the customer, once, whether something may be remembered or has changed; hearing the yes or no."""

from recuerda.extraction import Draft
from recuerda.extraction.reversals import is_denial, withdraws
from recuerda.language import LANGUAGES
from recuerda.models import Sensitivity
from recuerda.turns import Asked, KnownFact
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.pieces import sentences
from recuerda.turns.embedded.reading import plain_of
from recuerda.turns.embedded.vocabulary import vocabulary


def hear(case: Case) -> str | None:
    """What we say to a plain yes or no that answers our last reply; its sentence is then dealt with.

    Nothing but a yes or a no counts: "yes, and how much is it?" agrees to nothing.
    """
    asked = case.context.asked
    if asked is None or not case.parts:
        return None
    first = plain_of(sentences(case.context.message)[0])
    yes, no = (_is(cue, first) for cue in ("agrees", "declines"))
    if not (yes or no):
        return None
    case.parts = case.parts[1:]
    if asked.kind == "consent":
        case.used.intent = "agree" if yes else "refuse"
        return case.say("agreed" if yes else "refused")
    case.used.intent = "renew" if yes else "keep"
    fact = next((fact for fact in case.facts if fact.id in asked.facts), None)
    if fact is None or not yes:
        return case.say("drift_kept")
    case.used.statement = _said(case, fact, asked.value)
    return case.say("drift_renewed", new=case.used.statement)


def _is(cue: str, said: str) -> bool:
    return any(vocabulary(language).cues[cue].fullmatch(said) for language in LANGUAGES)


def ask(case: Case, body: str) -> str:
    """Put one question at the reply's end, when `body` asks none: a yes must be to this and nothing else.

    Returns `body`; our offer to bring in a person gives way to asking about what was just told. "How can I
    help?" after a greeting is no question to say yes to.
    """
    if case.used.intent != "answer" or not case.context.remembers:
        return body
    told = news(case)
    without = case.speech.without("offer_person", body) if told else body
    greeted = all(part.intent == "greeting" for part in case.parts)
    if "?" in without and not greeted:
        return body
    if told:
        _put(case, Asked("consent", message=case.context.message_id), _consent(case, told))
    elif fact := _awaiting(case):
        _put(case, Asked("consent", (fact.id,)), _consent(case, fact))
    elif not _asked_here(case):
        _ask_what_changed(case)
    return without


def _consent(case: Case, about: KnownFact | Draft) -> str:
    """Names the topic, not what was said of it."""
    topic = case.words.label(about.attribute) or case.words.categories.get(about.category, "").lower()
    return case.say("ask_consent", topic=topic)


def _awaiting(case: Case) -> KnownFact | None:
    """A special fact nobody has asked about yet. One question about the past is enough in a conversation;
    what was told in this one is another matter."""
    here = [said.text for said in case.context.transcript if said.author == "customer"]
    for fact in case.context.facts:
        told_here = any(fact.quote and fact.quote in text for text in here)
        if fact.proposed and fact.special and not fact.asked and (told_here or not _asked_here(case)):
            return fact
    return None


def _asked_here(case: Case) -> bool:
    ours = [said.text for said in case.context.transcript if said.author != "customer"]
    return any(case.speech.said(key, text) for text in ours for key in ("ask_consent", "ask_drift"))


def _put(case: Case, asked: Asked, text: str) -> None:
    case.used.ask, case.used.question = asked, text


def news(case: Case) -> Draft | None:
    """Something special in the message that we neither know nor have asked about."""
    for draft in case.heard:
        over = withdraws(draft.statement) or is_denial(draft.value)
        known = any(_same(draft, fact) for fact in case.context.facts)
        if draft.sensitivity is Sensitivity.SPECIAL and not over and not known:
            return draft
    return None


def _same(draft: Draft, fact: KnownFact) -> bool:
    if fact.proposed and not fact.asked:
        return False
    same_value = draft.attribute is not None and (draft.attribute, draft.value) == (
        fact.attribute,
        fact.value,
    )
    return draft.subject == fact.subject and (same_value or draft.statement == fact.statement)


def _ask_what_changed(case: Case) -> None:
    for drift in case.context.drifts:
        asked = Asked("drift", (drift.fact_id,), value=drift.value)
        fact = next((fact for fact in case.facts if fact.id == drift.fact_id), None)
        if fact is not None and asked.about not in fact.asked:
            old, new = _said(case, fact, fact.value), _said(case, fact, drift.value)
            case.use(facts=[fact.id], memories=drift.memories)
            _put(case, asked, case.say("ask_drift", old=old, new=new))
            return


def _said(case: Case, fact: KnownFact, value: str | None) -> str:
    """ "size 43", or "your city: Lima" """
    phrase = case.words.phrase(fact.attribute, value)
    label = case.words.label(fact.attribute) or (fact.attribute or "").replace("_", " ")
    return phrase or f"{label}: {value}"
