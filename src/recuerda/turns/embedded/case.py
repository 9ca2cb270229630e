"""What each way of answering gets: the turn's context, what was understood, a voice, and the receipt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from recuerda.embeddings import Vectors
from recuerda.extraction import Draft
from recuerda.language import fold
from recuerda.turns import Context, KnownFact, Used
from recuerda.turns.embedded.reading import Part
from recuerda.turns.embedded.speech import Speech, currency_of
from recuerda.turns.embedded.vectors import Vectoriser
from recuerda.turns.embedded.vocabulary import Vocabulary, vocabulary


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

    def say(self, key: str, **values: object) -> str:
        return self.speech.say(key, **values)

    def link(self, line: str) -> None:
        if line not in self.links:
            self.links.append(line)

    @cached_property
    def said_before(self) -> str:
        """The customer's previous message, folded, when this one goes on from it ("and for rain?")."""
        if not self.words.cues["again"].fullmatch(fold(self.context.message).strip(" ¿?¡!.")):
            return ""
        before = (said.text for said in reversed(self.context.transcript) if said.author == "customer")
        return fold(next(before, ""))

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
