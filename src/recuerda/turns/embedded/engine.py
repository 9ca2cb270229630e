"""The engine that needs no key and no network: grounded replies from what stands in the context."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from zlib import crc32

from recuerda.embeddings import Embedder
from recuerda.turns import Context, Used
from recuerda.turns.embedded.articles import PARTLY, answer_question, articles, unknown
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.forgetting import everything_confirmed, forget
from recuerda.turns.embedded.orders import order
from recuerda.turns.embedded.reading import Part, Reader
from recuerda.turns.embedded.recommend import about_product, recommend
from recuerda.turns.embedded.remembered import remembered, why
from recuerda.turns.embedded.speech import Speech
from recuerda.turns.embedded.statements import acknowledge
from recuerda.turns.embedded.vectors import Vectoriser

_PIECES = re.compile(r"\S+\s*")
_ALONE = ("undo", "forget", "person", "why")  # these answer the whole message
_WORK = ("remembered", "order", "recommend", "question")
_CHAT = ("thanks", "goodbye", "smalltalk", "capabilities", "affirm", "deny")
_MOST = 2


class EmbeddedEngine:
    """`encoder` should be the embedded sentence encoder, whatever the store uses: it is asked a few times
    a reply."""

    name = "embedded"

    def __init__(self, encoder: Embedder) -> None:
        self._reader = Reader(encoder)
        self._vectors = Vectoriser(encoder)

    async def reply(self, context: Context, used: Used) -> AsyncIterator[str]:
        """The reply, word by word."""
        text = await asyncio.to_thread(self.compose, context, used)
        for match in _PIECES.finditer(text):
            yield match[0]

    def compose(self, context: Context, used: Used) -> str:
        """The whole reply; blocking, a few milliseconds."""
        parts = self._reader.read(context.message, context.language)
        seed = f"{crc32(context.message.encode())}|{len(context.transcript)}"
        speech = Speech(context.language, seed, context.now)
        return _answer(Case(context, used, parts, speech, self._vectors))


def _answer(case: Case) -> str:
    if not case.parts:
        return case.say("unclear")
    if said := _to_our_question(case):
        return said
    for intent in ("unrelated", *_ALONE):
        if part := next(
            (p for p in case.parts if p.intent == intent and (p.sure or intent != "unrelated")), None
        ):
            return _alone(case, part)
    said = " ".join(_pieces(case))
    return f"{_hello(case)}{said}" if said else _hello(case).strip() or unknown(case)


def _to_our_question(case: Case) -> str | None:
    """A yes or no to what we asked just before."""
    last, intent = case.last_reply, case.parts[0].intent
    yes, no = intent == "affirm", intent == "deny"
    if case.speech.said("forget_all_confirm", last):
        return everything_confirmed(case) if yes else case.say("forget_kept") if no else None
    if case.speech.said("offer_person", last) and yes:
        case.used.intent = "handoff"
        return case.say("handoff")
    return None


def _alone(case: Case, part: Part) -> str:
    if part.intent == "unrelated":
        return case.say("unrelated")
    if part.intent == "undo":
        case.used.intent = "undo"
        return case.say("undo")
    if part.intent == "forget":
        return forget(case, part)
    if part.intent == "person":
        case.used.intent = "handoff"
        return case.say("handoff")
    return why(case)


def _hello(case: Case) -> str:
    if not any(part.intent == "greeting" for part in case.parts):
        return ""
    if case.context.transcript:
        return "" if len(case.parts) > 1 else case.say("greeting_again")
    name = (case.context.customer_name or "").split(" ")[0]
    hello = case.say("hello", name=name) if name else case.say("hello_plain")
    return f"{hello} " if len(case.parts) > 1 else f"{hello} {case.say('greeting')}"


def _pieces(case: Case) -> list[str]:
    """What each part of the message gets; a statement first and briefly when a question follows."""
    work = [part for part in case.parts if part.intent in (*_WORK, "none", "unrelated", "statement")]
    asked = [part for part in work if _asks(case, part)]
    told = [part for part in work if part not in asked]
    pieces = []
    if case.context.heard or told:
        if not asked or case.context.heard:
            pieces.append(acknowledge(case, told[0] if told else None, briefly=bool(asked)))
    pieces += [said for part in asked[:_MOST] if (said := _work(case, part))]
    if pieces:
        return list(dict.fromkeys(pieces))
    return [case.say(part.intent) for part in case.parts if part.intent in _CHAT][:1]


def _asks(case: Case, part: Part) -> bool:
    """Whether a part wants an answer; what only tells something is acknowledged."""
    if part.intent in {"remembered", "order", "recommend"}:
        return True
    if part.intent == "statement":
        return False
    return part.question or not case.context.heard


def _work(case: Case, part: Part) -> str:
    ways: dict[str, Callable[[Case, Part], str | None]] = {
        "remembered": remembered,
        "order": order,
        "recommend": lambda c, p: about_product(c, p) or recommend(c, p),
    }
    if way := ways.get(part.intent):
        return way(case, part) or answer_question(case, part) or unknown(case)
    return _question(case, part)


def _question(case: Case, part: Part) -> str:
    """From the articles; from the catalogue when the search points there; else we do not know."""
    if said := about_product(case, part):
        return said
    if case.context.knowledge and case.context.knowledge[0].kind == "product":
        found = answer_question(case, part, least=0.5) or recommend(case, part)
        if found:
            return found
    if said := answer_question(case, part):
        return said
    if part.intent == "unrelated":
        return case.say("unrelated")
    if articles(case) and part.intent == "question" and (said := answer_question(case, part, least=PARTLY)):
        return f"{case.say('partial')} {said} {case.say('offer_person')}"
    return unknown(case)
