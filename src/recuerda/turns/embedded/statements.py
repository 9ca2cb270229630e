"""What the customer tells about themselves: said back in particular, with what the shop does about it."""

from collections.abc import Sequence

from recuerda.extraction import Draft
from recuerda.language import Language, fold
from recuerda.memory.concepts import concepts
from recuerda.models import Sensitivity
from recuerda.turns.embedded.articles import answer_question, our_answer, told
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.orders import items_of, last_received, open_order, order_number
from recuerda.turns.embedded.planning import GOALS
from recuerda.turns.embedded.products import SIZES, catalogue
from recuerda.turns.embedded.reading import together
from recuerda.turns.embedded.speech import phrase, sentence
from recuerda.turns.embedded.vocabulary import SHOE_SIZE, Vocabulary, normal, vocabulary

_MOST = 5
_MISFITS = {"too_small", "too_big"}
_FAULTS = {"damaged", "not_working", "lack_of_support", "hurts"}
_WARRANTED = {"§warranty", "§damaged"}
_LAST = {"issue", "intent"}
_NEXT = 0.36  # how sure the knowledge must be to say what comes next


def acknowledge(case: Case, *, briefly: bool = False) -> str:
    """What was heard, then what follows from it; `briefly` leaves out the latter."""
    heard = sorted(case.heard, key=lambda draft: draft.category in _LAST)  # clauses after nouns
    worth = [draft for draft in heard if _worth_saying(case, draft)] if briefly else heard
    pieces = [*_sorry(case, heard), *_noted(case, worth)]
    following = [] if briefly and not sends_back(case) else _next(case, heard)
    if not (heard or briefly or pieces or following):
        pieces.append(case.say("told"))
    return " ".join([*pieces, *following])


def _worth_saying(case: Case, draft: Draft) -> bool:
    """Beside an answer: not a request said back in its own words ("socks for the cold")."""
    said = case.words.phrase(draft.attribute, draft.value) is not None and draft.attribute != "order"
    return said or draft.category in ("issue", "health")


def _sorry(case: Case, heard: Sequence[Draft]) -> list[str]:
    return [case.say("sorry")] if _trouble(case, heard) else []


def _trouble(case: Case, heard: Sequence[Draft]) -> bool:
    """Something went wrong: heard as such, or, when nothing was heard, by the words."""
    if heard:
        return any(draft.category == "issue" for draft in heard)
    told = [part.plain for part in case.parts if part.intent == "statement"]
    return any("problem" in case.words.wishes_in(plain) for plain in told)


def _noted(case: Case, heard: Sequence[Draft]) -> list[str]:
    if heard and not case.context.remembers:
        return [case.say("not_kept")]
    if any(draft.sensitivity == Sensitivity.SPECIAL for draft in heard):
        heard = [draft for draft in heard if draft.sensitivity != Sensitivity.SPECIAL]
        private = [case.say("told_private")]
    else:
        private = []
    corrected = [said for draft in heard if (said := _corrected(case, draft))]
    rest = [draft for draft in heard if not _old_value(case, draft)]
    pieces = [*private, *corrected]
    for subject in dict.fromkeys(draft.subject for draft in rest):
        items = [_item(case, draft) for draft in _distinct(rest) if draft.subject == subject][:_MOST]
        listed = case.speech.join(list(dict.fromkeys(items)))
        if subject in case.words.subjects:
            pieces.append(case.say("noted_for", subject=case.words.subjects[subject][0], items=listed))
        elif items:
            pieces.append(case.say("noted", items=listed))
    return pieces


def _item(case: Case, draft: Draft) -> str:
    said = case.words.phrase(draft.attribute, draft.value, now=True)
    return said or case.speech.quote(draft.quote, 90)


def _distinct(drafts: Sequence[Draft]) -> list[Draft]:
    """Without those whose words are part of another's that will be quoted whole."""
    return [
        draft
        for draft in drafts
        if not any(
            other is not draft
            and draft.quote != other.quote
            and draft.quote in other.quote
            and draft.attribute is None
            for other in drafts
        )
    ]


def _old_value(case: Case, draft: Draft) -> str | None:
    """What this replaces, when it is a size or a shape said differently before."""
    for fact in case.context.facts:
        same = fact.attribute == draft.attribute and fact.subject == draft.subject and fact.value
        single = draft.attribute in SIZES | {"arch_type", "foot_width", "city"}
        if same and single and draft.value and normal(fact.value or "") != normal(draft.value):
            return fact.value
    return None


def _corrected(case: Case, draft: Draft) -> str | None:
    old = _old_value(case, draft)
    before = case.words.phrase(draft.attribute, old)
    new = case.words.phrase(draft.attribute, draft.value) or case.speech.quote(draft.quote, 90)
    return case.say("corrected", new=new, old=before) if before else None


def _next(case: Case, heard: Sequence[Draft]) -> list[str]:
    """How to go on: the order it may be about, and what the shop's articles say to do."""
    goal = _goal(case, heard)
    ailing = any(draft.category in ("issue", "health") for draft in heard)
    if (goal == "next_issue" or (ailing and goal is None)) and (said := _answered(case)):
        return [said]
    if goal is None:
        return [case.say("offer_person")] if _trouble(case, heard) else []
    pieces = []
    question = case.say(goal)
    answer = our_answer(case, question)
    if answer and answer.sure >= _NEXT:
        pieces.append(sentence(told(case, answer)))
    order = open_order(case) if goal == "next_cancel" else last_received(case)
    if order and goal != "next_issue":
        case.use(memories=[order.id])
        items = items_of(case, order, catalogue(case))
        pieces.append(case.say("which_order", order=order_number(order), items=items))
    elif not answer or answer.sure < _NEXT:
        pieces.append(case.say("offer_person"))
    return pieces


def _answered(case: Case) -> str | None:
    """What an article says to just this trouble, in the customer's words for it."""
    told_of = [part for part in case.parts if part.intent == "statement"]
    return answer_question(case, together(told_of)) if told_of else None


def _goal(case: Case, heard: Sequence[Draft]) -> str | None:
    if goal := _goal_of(heard, case.words):
        return goal
    if sends_back(case):
        return "next_exchange" if _tells(case, "swap") else "next_return"
    return "next_issue" if not heard and _trouble(case, heard) else None


def sends_back(case: Case) -> bool:
    """ "Return my last order", "I need another size", heard or not."""
    return _tells(case, "send_back") or _tells(case, "swap")


def _tells(case: Case, cue: str) -> bool:
    told_of = [part.plain for part in case.parts if part.intent == "statement"]
    return any(case.words.cues[cue].search(plain) for plain in told_of)


def _goal_of(heard: Sequence[Draft], words: Vocabulary) -> str | None:
    for draft in heard:
        if draft.attribute in GOALS and draft.value != "no":
            return f"next_{draft.attribute}"
    issues = [draft for draft in heard if draft.category == "issue" or draft.attribute == "problem"]
    if any(_misfits(draft, words) for draft in issues):
        return "next_exchange"
    return "next_issue" if any(_broken(draft) for draft in issues) else None


def _misfits(draft: Draft, words: Vocabulary) -> bool:
    size = words.attributes[SHOE_SIZE].words
    return draft.value in _MISFITS or (draft.attribute is None and bool(size.search(fold(draft.quote))))


def _broken(draft: Draft) -> bool:
    """Something a warranty is for, not a parcel or a payment."""
    return draft.value in _FAULTS or not _WARRANTED.isdisjoint(concepts(draft.quote))


def follow_up(message: str, heard: Sequence[Draft], language: Language) -> str | None:
    """What to look up in the knowledge besides the message: how to return what is going back, say."""
    words = vocabulary(language)
    goal = _goal_of(heard, words)
    if goal is None and words.cues["swap"].search(fold(message)):
        goal = "next_exchange"
    elif goal is None and words.cues["send_back"].search(fold(message)):
        goal = "next_return"
    return phrase(goal, language) if goal else None
