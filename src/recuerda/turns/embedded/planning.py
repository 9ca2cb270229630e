"""What each part of a message wants in this conversation, where the sentence alone does not tell."""

from collections.abc import Sequence
from dataclasses import replace

from recuerda.extraction import Draft
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.products import SIZES, catalogue, named, referred
from recuerda.turns.embedded.reading import SWITCHES, Part

CHAT = ("greeting", "thanks", "goodbye", "smalltalk", "affirm", "deny")
_ACTS = (*SWITCHES, "forget", "undo", "person", "why", "unrelated", "capabilities", "upset", "smalltalk")
_SURE_TO_ACT = 0.6  # how near an example a sentence must be to be taken for one of those
_SURE_TO_SWITCH = 0.7  # the same for turning memory off or on
_SURE_TO_SHOW = 0.5  # the same for showing a profile
_SHORT = 6  # words: longer sentences say more than chat, however friendly
_ASKED_BEFORE = ("ask_shoe_size", "ask_garment_size", "ask_terrain")
_PARCEL = {"not_received", "late"}
_TOLD = {"question", "none", "order", "remembered", "recommend"}  # what a mere statement may look like
_POLICY = 0.4  # the search's score of an article that a question is about, whatever it sounds like
GOALS = {"return", "refund", "exchange", "cancel"}  # intents the shop says how to go about
_ONCE = ("recommend", "order", "remembered")  # said in several sentences, answered once


def plan(case: Case) -> list[Part]:
    parts = [replace(part, intent=_intent(case, part)) for part in case.parts]
    for intent in _ONCE:
        parts = _merged(parts, intent)
    return parts


def _intent(case: Case, part: Part) -> str:
    heard = [draft for draft in case.context.heard if draft.quote in part.text]
    if part.intent == "undo":
        return "undo" if _forgot_just_now(case) else "none"
    if part.intent == "why" and not case.last_reply:
        return "none"
    if referred(case, part):
        return "recommend"
    if part.sure:
        return "statement" if _reports(part, heard) else part.intent
    if _answers_us(case, part, heard) or _goes_on(case, part):
        return "recommend"
    if any(draft.attribute == "problem" and draft.value in _PARCEL for draft in heard):
        return "order"
    if heard and not part.question:
        return _stated(part, heard)
    if part.intent in _ACTS and part.score < (_SURE_TO_SWITCH if part.intent in SWITCHES else _SURE_TO_ACT):
        return _named_or(case, part, "none")
    if part.intent == "remembered" and part.score < _SURE_TO_SHOW:
        return _named_or(case, part, "question" if part.question else "none")
    if part.intent in CHAT and len(part.plain.split()) > _SHORT:
        return "none"
    if part.intent == "order" and not case.words.cues["ordered"].search(part.plain):
        return _named_or(case, part, "question" if part.question else "none")
    if part.intent == "recommend" and part.question and _about_policy(case) and not _for_a_size(case, part):
        return "question"
    return _named_or(case, part, part.intent) if part.intent in {"none", "remembered"} else part.intent


def _reports(part: Part, heard: Sequence[Draft]) -> bool:
    """An order is named to say what is wrong with it, not to ask where it is."""
    wrong = [draft for draft in heard if draft.category == "issue" and draft.value not in _PARCEL]
    return part.intent == "order" and bool(wrong) and not part.question


def _stated(part: Part, heard: Sequence[Draft]) -> str:
    """Wanting to buy asks for advice; other statements are only told."""
    if any(draft.category == "issue" for draft in heard):
        return "statement"
    if part.intent == "recommend" or any(draft.attribute == "buy" for draft in heard):
        return "statement" if any(draft.attribute in GOALS for draft in heard) else "recommend"
    return "statement" if part.intent in {*_TOLD, *_ACTS, *CHAT} else part.intent


def _named_or(case: Case, part: Part, intent: str) -> str:
    return "recommend" if part.question and named(case, catalogue(case), part.text) else intent


def _for_a_size(case: Case, part: Part) -> bool:
    """ "Do you have shoes in 47?" """
    return bool(case.words.kinds_in(part.plain)) and not SIZES.isdisjoint(case.words.wishes_in(part.plain))


def _about_policy(case: Case) -> bool:
    """The search found an article much before any product."""
    hits = case.context.knowledge
    if not hits or hits[0].kind == "product" or hits[0].score < _POLICY:
        return False
    return all(hit.kind != "product" or hit.score < hits[0].score - 0.1 for hit in hits)


def _forgot_just_now(case: Case) -> bool:
    """We said how to undo in one of our last two replies."""
    ours = [said.text for said in case.context.transcript if said.author != "customer"][-2:]
    return case.context.undoable or any(case.speech.said("undo_word", text) for text in ours)


def _answers_us(case: Case, part: Part, heard: Sequence[Draft]) -> bool:
    """The size or the ground we asked for after a recommendation."""
    if len(part.plain.split()) > _SHORT:
        return False
    said = bool(case.words.wishes_in(part.plain) or heard or part.plain.replace(".", "").isdigit())
    return said and any(case.speech.said(key, case.last_reply) for key in _ASKED_BEFORE)


def _goes_on(case: Case, part: Part) -> bool:
    """ "and for rain?", "what about socks" """
    if not case.words.cues["again"].fullmatch(part.plain) or len(part.plain.split()) > _SHORT:
        return False
    words = case.words
    return bool(
        words.wishes_in(part.plain) or words.kinds_in(part.plain) or named(case, catalogue(case), part.text)
    )


def _merged(parts: Sequence[Part], intent: str) -> list[Part]:
    same = [part for part in parts if part.intent == intent]
    if len(same) < 2:
        return list(parts)
    text, plain = " ".join(p.text for p in same), " ".join(p.plain for p in same)
    whole = replace(same[-1], text=text, plain=plain, question=any(p.question for p in same))
    return [whole if part is same[0] else part for part in parts if part is same[0] or part not in same]
