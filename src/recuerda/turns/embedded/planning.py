"""What each part of a message wants in this conversation, where the sentence alone does not tell."""

import re
from collections.abc import Sequence
from dataclasses import replace

from recuerda.extraction import Draft
from recuerda.turns.embedded.articles import PARTLY, answerable
from recuerda.turns.embedded.case import ASKED_BEFORE, Case
from recuerda.turns.embedded.fit import items
from recuerda.turns.embedded.products import SIZES, catalogue, named, referred, residue
from recuerda.turns.embedded.reading import SWITCHES, Part, together

CHAT = ("greeting", "thanks", "goodbye", "smalltalk", "affirm", "deny")
_ACTS = (*SWITCHES, "forget", "undo", "person", "why", "unrelated", "capabilities", "upset", "smalltalk")
_SURE_TO_ACT = 0.6  # how near an example a sentence must be to be taken for one of those
_SURE_TO_SWITCH = 0.7  # the same for turning memory off or on
_SURE_TO_SHOW = 0.5  # the same for showing a profile
_SHORT = 6  # words: longer sentences say more than chat, however friendly
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
    heard = [draft for draft in case.heard if draft.quote in part.text]
    if part.intent == "undo":
        return "undo" if _forgot_just_now(case) else "none"
    if part.intent == "why" and not case.last_reply:
        return "none"
    if referred(case, part):
        return "recommend"
    if not part.sure and (_cheaper(case, part) or _of_products(case, part)):
        return "recommend"
    if part.intent == "remembered" and part.question and re.search(r"\d", part.plain):
        return "question"  # "I'm an 8 in women's, what size is that?"
    if part.sure:
        returns = not part.question and case.words.cues["send_back"].search(part.plain)
        told = part.intent == "order" and (returns or _reports(part, heard))
        return "statement" if told else part.intent
    if _answers_us(case, part, heard) or _goes_on(case, part):
        return "recommend"
    if any(draft.attribute == "problem" and draft.value in _PARCEL for draft in heard):
        return "order"
    complains = any(draft.category == "issue" for draft in heard) and not answerable(case, part)
    if heard and (not part.question or complains):
        return _stated(case, part, heard)
    if part.intent == "capabilities" and not part.sure and residue(case, part.plain, catalogue(case))[1]:
        return "question"  # "who is the owner?"
    if part.intent in _ACTS and part.score < (_SURE_TO_SWITCH if part.intent in SWITCHES else _SURE_TO_ACT):
        return _named_or(case, part, "none")
    if part.intent == "remembered" and part.score < _SURE_TO_SHOW:
        return _named_or(case, part, "question" if part.question else "none")
    if part.intent in CHAT and len(part.plain.split()) > _SHORT:
        return "none"
    if part.question and _about_own_order(case, part):
        return "order"
    how_to = case.words.cues["how_to"].match(part.plain)
    if part.intent == "order" and how_to and answerable(case, part, least=PARTLY):
        return "question"
    if part.intent == "recommend" and part.question and case.words.cues["send_back"].search(part.plain):
        return "question"  # "can I return the headlamp?"
    if (
        part.intent == "order"
        and part.question
        and not _own(case, part)
        and answerable(case, part, least=PARTLY)
    ):
        return "question"
    if part.intent == "order" and not case.words.cues["ordered"].search(part.plain):
        return _named_or(case, part, "question" if part.question else "none")
    kinds = case.words.kinds_in(part.plain)
    if part.intent in {"none", "question"} and kinds and case.words.cues["sell"].match(part.plain):
        return "recommend"
    if part.intent in {"recommend", "remembered"} and part.question and _for_a_size(case, part):
        return "recommend"
    found = named(case, catalogue(case), part.mended)
    about_policy = part.question and not found and _about_policy(case, part)
    about_policy = about_policy and answerable(case, part, least=PARTLY) is not None
    if part.intent == "recommend" and (about_policy or _asks_no_product(case, part)):
        return "question"
    if part.intent == "none" and not heard and answerable(case, part):
        return "question"
    return _named_or(case, part, part.intent) if part.intent in {"none", "remembered"} else part.intent


def _reports(part: Part, heard: Sequence[Draft]) -> bool:
    """An order is named to say what is wrong with it, not to ask where it is."""
    wrong = [draft for draft in heard if draft.category == "issue" and draft.value not in _PARCEL]
    return bool(wrong) and not part.question


def _stated(case: Case, part: Part, heard: Sequence[Draft]) -> str:
    """Wanting to buy asks for advice; other statements are only told."""
    grave = any(draft.category in ("issue", "health") for draft in heard)
    if part.intent == "order" and not grave and all(d.attribute in (None, "order") for d in heard):
        return "order"
    if all(draft.attribute == "order" for draft in heard):
        return "order"
    if case.words.cues["gift"].search(part.plain) and any(draft.category == "intent" for draft in heard):
        return "recommend"
    if any(draft.category == "issue" for draft in heard):
        return "statement"
    if part.intent == "recommend" or any(draft.attribute == "buy" for draft in heard):
        if _asks_no_product(case, part):
            return "question"
        return "statement" if any(draft.attribute in GOALS for draft in heard) else "recommend"
    return "statement" if part.intent in {*_TOLD, *_ACTS, *CHAT} else part.intent


def _named_or(case: Case, part: Part, intent: str) -> str:
    return "recommend" if part.question and named(case, catalogue(case), part.mended) else intent


def _own(case: Case, part: Part) -> bool:
    """Whether it may be about an order of theirs: they have some, or say "my"."""
    return bool(case.context.orders) or bool(case.words.cues["my"].search(part.plain))


def _about_own_order(case: Case, part: Part) -> bool:
    """ "Did the refund for the Meta Carbono go through?": of a product that they bought or sent back."""
    if not case.words.cues["returned"].search(part.plain):
        return False
    names = {product.id for product in named(case, catalogue(case), part.mended)}
    return any(names & items(order.data) for order in case.context.orders)


def _for_a_size(case: Case, part: Part) -> bool:
    """ "Do you have shoes in 47?" """
    named_or_sold = case.words.kinds_in(part.plain) or case.words.cues["sell"].match(part.plain)
    return bool(named_or_sold) and not SIZES.isdisjoint(case.words.wishes_in(part.plain))


def _cheaper(case: Case, part: Part) -> bool:
    """A price lower than that of what we spoke of last, or of what is named."""
    if not case.words.cues["cheaper"].search(part.plain):
        return False
    products = catalogue(case)
    return bool(named(case, products, part.mended) or named(case, products, case.last_reply))


def _of_products(case: Case, part: Part) -> bool:
    """Names of products with a price, a size or a comparison: "price of the Garúa", "Malecón or Rambla"."""
    found = named(case, catalogue(case), part.mended)
    priced = case.words.cues["price"].search(part.plain) or not SIZES.isdisjoint(
        case.words.wishes_in(part.plain)
    )
    compared = len(found) > 1 and case.words.cues["compare"].search(part.plain)
    return bool(found and (priced or compared)) and not case.words.cues["ordered"].search(part.plain)


def _asks_no_product(case: Case, part: Part) -> bool:
    """It sounds like advice and wants none: no trait of a product is named and an article answers."""
    if case.words.wishes_in(part.plain) or named(case, catalogue(case), part.mended) or case.goes_on:
        return False
    if not any(residue(case, part.plain, catalogue(case))):
        return False  # "which one would suit me?"
    first = next(iter(case.passages(part)), None)
    return bool(first and first.kind != "product" and answerable(case, part))


def _about_policy(case: Case, part: Part) -> bool:
    """The search found an article much before any product."""
    hits = case.passages(part)
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
    return said and any(case.speech.said(key, case.last_reply) for key in ASKED_BEFORE)


def _goes_on(case: Case, part: Part) -> bool:
    """ "and for rain?", "what about socks" """
    if not case.words.cues["again"].fullmatch(part.plain) or len(part.plain.split()) > _SHORT:
        return False
    words = case.words
    return bool(
        words.wishes_in(part.plain) or words.kinds_in(part.plain) or named(case, catalogue(case), part.mended)
    )


def _merged(parts: Sequence[Part], intent: str) -> list[Part]:
    same = [part for part in parts if part.intent == intent]
    if len(same) < 2:
        return list(parts)
    whole = together(same)
    return [whole if part is same[0] else part for part in parts if part is same[0] or part not in same]
