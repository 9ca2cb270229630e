"""What each way of answering gets: the turn's context, what was understood, a voice, and the receipt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from recuerda.embeddings import Vectors
from recuerda.extraction import Draft
from recuerda.language import fold
from recuerda.memory.terms import analyse
from recuerda.turns import Context, KnownFact, KnownPassage, Used
from recuerda.turns.embedded.pieces import asks
from recuerda.turns.embedded.reading import Part
from recuerda.turns.embedded.speech import Speech, currency_of
from recuerda.turns.embedded.vectors import Vectoriser
from recuerda.turns.embedded.vocabulary import Vocabulary, vocabulary

_SHORT = 7  # words of a message that may go on from the one before
ASKED_BEFORE = (
    "ask_shoe_size", "ask_garment_size", "ask_bottoms_size", "ask_sock_size", "ask_terrain", "ask_size_for",
)  # fmt: skip


@dataclass
class Case:
    context: Context
    used: Used
    parts: Sequence[Part]
    speech: Speech
    vectors: Vectoriser
    links: list[str] = field(default_factory=list)  # lines that end the reply

    @cached_property
    def words(self) -> Vocabulary:
        return vocabulary(self.context.language)

    @cached_property
    def facts(self) -> list[KnownFact]:
        """Those a reply may act upon: what awaits consent or review is only ever shown."""
        return [fact for fact in self.context.facts if not fact.proposed]

    @cached_property
    def heard(self) -> list[Draft]:
        """What the message states: a question without its mark ("can I return them") states nothing."""
        return [draft for draft in self.context.heard if not asks(fold(draft.quote))]

    @cached_property
    def last_reply(self) -> str:
        """What we said last in this conversation."""
        return next(
            (said.text for said in reversed(self.context.transcript) if said.author != "customer"), ""
        )

    @cached_property
    def currency(self) -> str | None:
        """Of the customer's country, else of what they last paid in."""
        paid = (str(paid) for order in self.context.orders if (paid := (order.data or {}).get("currency")))
        context = self.context
        default = "BRL" if context.language == "pt" else None
        return currency_of(context.locale) or next(paid, None) or default

    def passages(self, part: Part) -> Sequence[KnownPassage]:
        """What the search found for this part of the message; for all of it when this says little by itself
        ("what do I do?") or asks nothing else."""
        found = self.context.by_question.get(part.text)
        rest = self.words.cues["generic"].sub(" ", part.plain)
        return found if found and analyse(rest, self.context.language) else self.context.knowledge

    def say(self, key: str, **values: object) -> str:
        return self.speech.say(key, **values)

    def link(self, line: str) -> None:
        if line not in self.links:
            self.links.append(line)

    @cached_property
    def goes_on(self) -> bool:
        """Whether the message goes on from what was just spoken of: "and for rain?", "a cheaper one?", or
        the size we asked for."""
        return self._goes_on(fold(self.context.message).strip(" ¿?¡!."), self.last_reply)

    def _goes_on(self, plain: str, reply: str) -> bool:
        if len(plain.split()) > _SHORT:
            return False
        cues = self.words.cues
        if cues["again"].fullmatch(plain) or cues["cheaper"].search(plain):
            return True
        sized = bool(self.words.wishes_in(plain)) or plain.replace(".", "").isdigit()
        return sized and any(self.speech.said(key, reply) for key in ASKED_BEFORE)

    @cached_property
    def said_before(self) -> str:
        """What the customer had said of it, folded, back to where they began; empty when this is new."""
        if not self.goes_on:
            return ""
        before: list[str] = []
        replies = [said.text for said in self.context.transcript if said.author != "customer"]
        for said in reversed(self.context.transcript):
            if said.author != "customer":
                replies.pop()
                continue
            before.append(fold(said.text))
            if not self._goes_on(before[-1].strip(" ¿?¡!."), replies[-1] if replies else ""):
                break
        return " ".join(reversed(before))

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self.vectors.embed(texts)

    def use(
        self, *, facts: Iterable[str] = (), memories: Iterable[str] = (), knowledge: Iterable[str] = ()
    ) -> None:
        """Writes on the receipt, each id once."""
        for kept, ids in (
            (self.used.facts, facts),
            (self.used.memories, memories),
            (self.used.knowledge, knowledge),
        ):
            kept += [id for id in dict.fromkeys(ids) if id not in kept]

    def phrase(self, fact: KnownFact | Draft, *, now: bool = False) -> str:
        """A fact in our words where the vocabulary has them, else in the customer's."""
        said = self.words.phrase(fact.attribute, fact.value, now=now)
        if said is None or fact.subject != "customer":
            return self.speech.quote(fact.quote or fact.statement, 90)
        own = fact.statement.partition(" (")[0]  # an answer carries its question
        edited = isinstance(fact, KnownFact) and fold(own) not in fold(fact.quote or own)
        return fact.statement if edited else said

    def quotes(
        self, facts: Sequence[KnownFact], most: int = 2
    ) -> list[tuple[datetime, list[KnownFact], str]]:
        """The customer's own words by the day they were said: (when, facts, "«...» y «...»").

        A quote that stands inside another is left to it.
        """
        said = [fact for fact in facts if fact.quote]
        kept: list[KnownFact] = []
        for fact in said:
            inside = any(o is not fact and _within(fact, o) for o in said)
            if not inside and len(kept) < most:
                kept.append(fact)
        groups: dict[str, list[KnownFact]] = {}
        for fact in kept:
            groups.setdefault(self.speech.when(fact.said_at), []).append(fact)
        return [
            (group[0].said_at, group, self.speech.join([self.speech.quote(f.quote or "") for f in group]))
            for group in groups.values()
        ]


def _within(fact: KnownFact, other: KnownFact) -> bool:
    mine, theirs = fold(fact.quote or ""), fold(other.quote or "")
    return mine in theirs and (len(mine) < len(theirs) or fact.id > other.id)
