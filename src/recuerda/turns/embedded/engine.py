"""The engine that needs no key and no network: grounded replies from what stands in the context."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from zlib import crc32

from recuerda.embeddings import Embedder
from recuerda.turns import Context, Used
from recuerda.turns.embedded.articles import SURE, answer_question, answerable, our_answer, told, unknown
from recuerda.turns.embedded.asking import ask, hear
from recuerda.turns.embedded.case import Case
from recuerda.turns.embedded.forgetting import everything_confirmed, forget
from recuerda.turns.embedded.named_products import about_product
from recuerda.turns.embedded.orders import order, order_number
from recuerda.turns.embedded.planning import CHAT, plan
from recuerda.turns.embedded.reading import SWITCHES, Part, Reader
from recuerda.turns.embedded.recommend import recommend
from recuerda.turns.embedded.remembered import remembered, why
from recuerda.turns.embedded.speech import Speech
from recuerda.turns.embedded.statements import acknowledge, sends_back
from recuerda.turns.embedded.vectors import Vectoriser

_PIECES = re.compile(r"\S+\s*")
ALONE = ("unrelated", "undo", *SWITCHES, "forget", "person", "upset", "why")  # these answer the whole message
WORK = ("remembered", "order", "recommend", "question", "capabilities", "statement", "none")
_MOST = 2  # questions answered in one reply


class EmbeddedEngine:
    """Implements `turns.Engine`. `encoder` should be the embedded one, whatever the store uses."""

    name = "embedded"

    def __init__(self, encoder: Embedder) -> None:
        self._reader = Reader(encoder)
        self._vectors = Vectoriser(encoder)

    def warm(self) -> None:
        """Load what the first message would otherwise wait for: about a second."""
        self._reader.read("hola", "es")
        self._reader.read("where is my parcel now", "en")

    async def reply(self, context: Context, used: Used) -> AsyncIterator[str]:
        """The reply, word by word."""
        for piece in pieces(await asyncio.to_thread(self.compose, context, used)):
            yield piece

    def compose(self, context: Context, used: Used) -> str:
        """The whole reply; blocking, a few milliseconds."""
        parts = self._reader.read(context.message, context.language, context.slips)
        seed = f"{crc32(context.message.encode())}|{len(context.transcript)}"
        speech = Speech(context.language, seed, context.now)
        text = _answer(Case(context, used, parts, speech, self._vectors))
        return f"{text}\n{used.question}" if used.question else text


def pieces(text: str) -> Iterator[str]:
    """A reply word by word."""
    return (match[0] for match in _PIECES.finditer(text))


def _answer(case: Case) -> str:
    if case.context.attended:
        return _while_waiting(case)
    heard = hear(case)
    case.parts = plan(case)
    if heard:
        return "\n".join([" ".join([heard, *_pieces(case)]), *case.links])
    if said := _to_our_question(case):
        return said
    for intent in ALONE:
        if part := next((part for part in case.parts if part.intent == intent), None):
            return "\n".join([_alone(case, part), *case.links])
    body = " ".join(_pieces(case))
    said = f"{_hello(case)}{body}" if body else _hello(case).strip() or case.say("unclear")
    return "\n".join([ask(case, said), *case.links])


def _while_waiting(case: Case) -> str:
    """A person answers here; of ourselves we only turn memory on and off."""
    for part in case.parts:
        if part.intent in SWITCHES or (part.intent == "undo" and case.context.undoable):
            return _alone(case, part)
    case.used.intent = "waiting"
    return case.say("waiting")


def _to_our_question(case: Case) -> str | None:
    """A yes or no to what we asked just before."""
    last, intent = case.last_reply, case.parts[0].intent if case.parts else ""
    yes, no = intent == "affirm", intent == "deny"
    if case.speech.said("forget_all_confirm", last):
        return everything_confirmed(case) if yes else case.say("forget_kept") if no else None
    if case.speech.said("offer_person", last) and yes:
        return _handoff(case)
    if (yes or no) and (number := _order_asked_about(case)):
        if no:
            return case.say("order_which")
        return f"{case.say('order_confirmed', order=number)} {case.say('offer_person')}"
    return None


def _order_asked_about(case: Case) -> str | None:
    """The number of the order that we asked about, whether a return or a cancellation is of that one."""
    for known in case.context.orders:
        number = order_number(known) or "-"
        if case.say("which_order", order=number, items="").split("(")[0] in case.last_reply:
            case.use(memories=[known.id])
            return number
    return None


def _alone(case: Case, part: Part) -> str:
    if part.intent == "unrelated":
        return case.say("unrelated")
    if part.intent == "upset":
        return f"{case.say('upset')} {case.say('offer_person')}"
    if part.intent == "undo":
        case.used.intent = "undo"
        return case.say("undo")
    if switch := next((intent for intent in SWITCHES if intent == part.intent), None):
        case.used.intent = switch
        return case.say(switch)
    if part.intent == "forget":
        return forget(case, part)
    return _handoff(case) if part.intent == "person" else why(case)


def _handoff(case: Case) -> str:
    case.used.intent = "handoff"
    return case.say("handoff")


def _hello(case: Case) -> str:
    if not any(part.intent == "greeting" for part in case.parts):
        return ""
    alone = all(part.intent == "greeting" for part in case.parts)
    if case.context.transcript:
        return case.say("greeting_again") if alone else ""
    name = (case.context.customer_name or "").split(" ")[0]
    hello = case.say("hello", name=name) if name else case.say("hello_plain")
    return f"{hello} {case.say('greeting')}" if alone else f"{hello} "


def _pieces(case: Case) -> list[str]:
    """What each part of the message gets; a statement first and briefly when a question follows."""
    work = [part for part in case.parts if part.intent in WORK]
    asked = [part for part in work if part.intent != "statement"]
    told = len(asked) < len(work)
    pieces = []
    if case.heard or (told and (not asked or sends_back(case))):
        pieces.append(acknowledge(case, briefly=bool(asked)))
    if len(work) > 1 or case.heard:  # "can you help me?" opens many a message
        asked = [part for part in asked if part.intent != "capabilities"]
    if len(asked) > 1:  # half-understood asides do not get an answer of their own beside a clear question
        asked = [part for part in asked if part.intent != "none" or part.question] or asked[:1]
    if not (case.heard and all(part.intent == "none" and not part.question for part in asked)):
        several = len(asked) > 1
        pieces += [_work(case, part, several=several) for part in asked[:_MOST]]
    if any(pieces):
        return [piece for piece in dict.fromkeys(pieces) if piece]
    return [_chat(case, part) for part in case.parts if part.intent in CHAT and part.intent != "greeting"][:1]


def _chat(case: Case, part: Part) -> str:
    return case.say(part.intent)


def _work(case: Case, part: Part, *, several: bool = False) -> str:
    """`several`: other things are answered beside it, so what we do not know is named."""
    ways: dict[str, Callable[[Case, Part], str | None]] = {
        "remembered": remembered,
        "order": order,
        "recommend": _advise,
        "capabilities": lambda c, p: c.say("capabilities", brand=c.context.brand),
    }
    way = ways.get(part.intent, answer)
    said = way(case, part) or answer(case, part)
    if said is None and several:
        about = case.say("unknown_of", part=case.speech.quote(part.text.strip("¿? ")))
        return f"{about} {case.say('offer_person')}"
    return said or unknown(case)


def _advise(case: Case, part: Part) -> str | None:
    """On the products it names, unless something cheaper is wanted than they are."""
    cheaper = case.words.cues["cheaper"].search(part.plain)
    return (not cheaper and about_product(case, part)) or recommend(case, part)


def answer(case: Case, part: Part) -> str | None:
    """From the articles; from the catalogue when the search points there; else we do not know."""
    if not answerable(case, part) and (said := about_product(case, part)):
        return said
    first = next(iter(case.passages(part)), None)
    if part.question and case.words.cues["send_back"].search(part.plain):
        found = our_answer(case, case.say("next_return"))  # "can I return the headlamp?"
        return answer_question(case, part) or (told(case, found) if found and found.sure >= SURE else None)
    if first and first.kind == "product" and not answerable(case, part, least=SURE + 0.1):
        return recommend(case, part)
    if said := answer_question(case, part):
        return said
    if not part.question and part.intent == "none":
        return case.say("unclear")
    return None
