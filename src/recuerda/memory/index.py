"""The arrays behind a history: built once, never changed, no I/O.

A history is small (10 to 5,000 items), so it keeps no postings: the terms of all items lie in one flat
array, and a query becomes a (query terms, items) count matrix with a single table look-up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from recuerda.language import LANGUAGES, Language
from recuerda.memory.dates import spans
from recuerda.memory.terms import analyse, term, words
from recuerda.memory.thesaurus import number_words, related

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    text: str
    at: datetime
    kind: str
    speaker: str | None
    conversation_id: str | None
    language: Language


@dataclass(frozen=True)
class Counts:
    """How often each of a query's k distinct terms occurs; `slots` are the terms of the flat array, or -1."""

    terms: list[str]
    tf: Floats  # (k, items)
    spoken_by: Floats  # (k, items): 1 where the term names the item's speaker
    slots: Ints
    pairs: list[tuple[int, int]]  # neighbouring terms of the query
    alike: Bools  # (k, items): the item has the term, or another word for it in its own language
    akin: Bools  # (k, items): the same, or a kind of it ("blender" for "appliance"), or what it is a kind of


class Index:
    """Items lie conversation by conversation, each in order of time; arrays run in parallel to `items`."""

    def __init__(self, items: Sequence[Item], known: "Index | None" = None) -> None:
        """`items` already in that order (see `arranged`); what `known` has read is not read again."""
        self.items = tuple(items)
        self._vocabulary: dict[str, int] = dict(known._vocabulary) if known else {}
        read = known._read() if known else {}
        texts = [
            read[item.id] if item.id in read else self._numbers(item.text, item.language)
            for item in self.items
        ]
        size = len(self.items)
        self.lengths: Floats = np.array([len(t) for t in texts], np.float32)
        self.tokens: NDArray[np.int32] = np.array([n for t in texts for n in t], np.int32)
        self.owner: Ints = np.repeat(np.arange(size), self.lengths.astype(np.int64))
        names = list(dict.fromkeys((item.speaker, item.language) for item in self.items))
        places = {name: i for i, name in enumerate(names)}
        self._speakers = [self._numbers(name or "", language) for name, language in names]
        self._speaker: Ints = np.array([places[item.speaker, item.language] for item in self.items], np.int64)
        self.language: Ints = np.array([LANGUAGES.index(item.language) for item in self.items], np.int64)
        self.spoken: tuple[Language, ...] = tuple(LANGUAGES[i] for i in np.unique(self.language))
        self.day: Ints = np.array([item.at.toordinal() for item in self.items], np.int64)
        keys = [item.conversation_id or item.id for item in self.items]
        fresh = np.array([i == 0 or keys[i] != keys[i - 1] for i in range(size)], np.bool_)
        self.starts: Ints = np.flatnonzero(fresh)
        self.session: Ints = np.cumsum(fresh) - 1
        self.continues: Bools = ~fresh  # the item before is of the same conversation
        self.asks: Bools = np.array(["?" in item.text[-12:] for item in self.items], np.bool_)
        amounts = {
            spoken: {self._vocabulary[word] for word in number_words(spoken) if word in self._vocabulary}
            for spoken in self.spoken
        }
        self.counts_things: Bools = np.array(
            [
                any(map(str.isdigit, item.text)) or not amounts[item.language].isdisjoint(read_)
                for item, read_ in zip(self.items, texts, strict=True)
            ],
            np.bool_,
        )

    def _numbers(self, text: str, language: Language) -> list[int]:
        number, seen = self._vocabulary.setdefault, self._vocabulary
        return [number(found, len(seen)) for found in analyse(text, language)]

    def _read(self) -> dict[str, list[int]]:
        ends = np.cumsum(self.lengths.astype(np.int64))[:-1]
        parts = np.split(self.tokens, ends) if self.items else []
        return {item.id: part.tolist() for item, part in zip(self.items, parts, strict=True)}

    @property
    def nbytes(self) -> int:
        text = sum(len(item.text) for item in self.items)
        return (
            self.tokens.nbytes
            + self.owner.nbytes
            + 2 * text
            + 100 * len(self._vocabulary)
            + 500 * len(self.items)
        )

    @cached_property
    def mentions(self) -> tuple[Ints, Ints, Ints]:
        """(item, first day, last day) of every date the texts speak of; read when first asked for."""
        rows = [
            (i, span.start, span.end)
            for i, item in enumerate(self.items)
            for span in spans(item.text, item.at, item.language)
        ]
        table = np.array(rows, np.int64).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]

    def counts(self, query: str, language: Language) -> Counts:
        """A query's word is looked up by its stem in every language spoken here: names stem differently."""
        slot_of: dict[str, int] = {}
        sequence: list[int] = []
        table = np.full(len(self._vocabulary) + 1, -1, np.int64)
        for word in words(query):
            if stem := term(word, language):
                slot = slot_of.setdefault(stem, len(slot_of))
                sequence.append(slot)
                for other in self.spoken:
                    if (number := self._vocabulary.get(term(word, other))) is not None:
                        table[number] = slot
        size, k = len(self.items), len(slot_of)
        alike, akin = self._related(slot_of, language)
        slots = table[self.tokens]
        hit = np.flatnonzero(slots >= 0)
        tf = np.bincount(slots[hit] * size + self.owner[hit], minlength=k * size)
        named = np.zeros((k, len(self._speakers)), np.float32)
        for i, numbers in enumerate(self._speakers):
            for slot in table[numbers]:
                if slot >= 0:
                    named[slot, i] = 1.0
        direct = tf.reshape(k, size)
        return Counts(
            terms=list(slot_of),
            tf=direct.astype(np.float32),
            spoken_by=named[:, self._speaker],
            slots=slots,
            pairs=list(dict.fromkeys(pairwise(sequence))),
            alike=(direct > 0) | alike,
            akin=(direct > 0) | alike | akin,
        )

    def _related(self, slot_of: dict[str, int], language: Language) -> tuple[Bools, Bools]:
        """(k, items) each: items with another word for a term, and with a word for a kind of it."""
        k, size = len(slot_of), len(self.items)
        found = np.zeros((2, k, size), np.bool_)
        ends = np.cumsum(self.lengths.astype(np.int64))
        for said in self.spoken:
            # Bit i of a vocabulary word: it is related to term i. One look-up a token serves all terms.
            bits = np.zeros((2, len(self._vocabulary) + 1), np.uint64)
            for stem, slot in list(slot_of.items())[:64]:
                for row, stems in enumerate(related(stem, language, said)):
                    for other in stems:
                        if (number := self._vocabulary.get(other)) is not None:
                            bits[row, number] |= np.uint64(1 << slot)
            known = np.flatnonzero(bits.any(axis=0))
            if not len(known):
                continue
            spoken_here = self.language == LANGUAGES.index(said)
            for row in (0, 1):
                tokens = np.append(bits[row][self.tokens], np.uint64(0))
                held = np.bitwise_or.reduceat(tokens, ends - self.lengths.astype(np.int64))
                held[(self.lengths == 0) | ~spoken_here] = 0
                for slot in range(min(k, 64)):
                    found[row, slot] |= (held >> np.uint64(slot) & np.uint64(1)).astype(np.bool_)
        return found[0], found[1]


def arranged(items: Sequence[Item]) -> list[int]:
    """The order an index wants: conversations by their first item, each in order of time."""
    first: dict[str, int] = {}
    by_time = sorted(range(len(items)), key=lambda i: items[i].at)
    for place, i in enumerate(by_time):
        first.setdefault(items[i].conversation_id or items[i].id, place)
    return sorted(by_time, key=lambda i: first[items[i].conversation_id or items[i].id])
