"""The arrays behind a history: built once, never changed, no I/O.

A history is small (10 to 5,000 items), so it keeps no postings: the terms of all items lie in one flat
array, and a query becomes a (query terms, items) count matrix with a single table look-up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from recuerda.language import LANGUAGES, Language
from recuerda.memory.dates import spans
from recuerda.memory.terms import analyse, term, words
from recuerda.memory.thesaurus import number_words, related

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats64 = NDArray[np.float64]
T = TypeVar("T", bound=np.generic)


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


@dataclass(frozen=True, slots=True)
class _Read:
    """What is read of each item, in parallel; the terms of all of them in one flat array."""

    tokens: NDArray[np.int32]
    lengths: Ints
    at: Floats64  # seconds since 1970
    talk: Ints  # number of its conversation, or of the item when it has none
    speaker: Ints
    language: Ints
    asks: Bools
    counts_things: Bools

    def and_then(self, other: "_Read") -> "_Read":
        both = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return _Read(*(np.concatenate(pair) for pair in both))

    def arranged(self) -> Ints:
        """The order an index wants: conversations by their first item, each in order of time."""
        place = np.empty(len(self.at), np.int64)
        place[np.argsort(self.at, kind="stable")] = np.arange(len(self.at))
        first = np.full(int(self.talk.max(initial=-1)) + 1, len(self.at))
        np.minimum.at(first, self.talk, place)
        return np.lexsort((place, first[self.talk]))

    def in_order(self, order: Ints) -> "_Read":
        lengths = self.lengths[order]
        moved_by = (np.cumsum(self.lengths) - self.lengths)[order] - (np.cumsum(lengths) - lengths)
        tokens = self.tokens[np.arange(len(self.tokens)) + np.repeat(moved_by, lengths)]
        others = (getattr(self, f.name)[order] for f in fields(self)[2:])
        return _Read(tokens, lengths, *others)


class Index:
    """Items lie conversation by conversation, each in order of time; arrays run in parallel to `items`."""

    def __init__(self, items: Sequence[Item], known: "Index | None" = None) -> None:
        """Of these items, in any order, and those of `known`, which are not read again."""
        self._vocabulary: dict[str, int] = dict(known._vocabulary) if known else {}
        self._talks: dict[str, int] = dict(known._talks) if known else {}
        self._names: dict[tuple[str | None, Language], int] = dict(known._names) if known else {}
        self._speakers: list[list[int]] = list(known._speakers) if known else []
        self._chars: int = (known._chars if known else 0) + sum(len(item.text) for item in items)
        read = self._reading(items)
        if known:
            read = known._each.and_then(read)
        self._order = read.arranged()
        self._in_place = bool((self._order == np.arange(len(self._order))).all())
        each = read if self._in_place else read.in_order(self._order)
        self._each: _Read = each
        every = (*known.items, *items) if known else tuple(items)
        self.items: tuple[Item, ...] = (
            every if self._in_place else tuple(every[i] for i in self._order.tolist())
        )
        self._dated, self._undated = self._dates(known)
        self.tokens, self.language, self.asks = each.tokens, each.language, each.asks
        self.counts_things = each.counts_things
        self.lengths: Floats = each.lengths.astype(np.float32)
        self.owner: Ints = np.repeat(np.arange(len(self.items)), each.lengths)
        self.spoken: tuple[Language, ...] = tuple(LANGUAGES[i] for i in np.unique(each.language))
        fresh = np.diff(each.talk, prepend=-1) != 0
        self.starts: Ints = np.flatnonzero(fresh)
        self.session: Ints = np.cumsum(fresh) - 1
        self.continues: Bools = ~fresh  # the item before is of the same conversation

    def _reading(self, items: Sequence[Item]) -> _Read:
        texts = [self._numbers(item.text, item.language) for item in items]
        for item in items:
            if (name := (item.speaker, item.language)) not in self._names:
                self._names[name] = len(self._speakers)
                self._speakers.append(self._numbers(item.speaker or "", item.language))
        amounts = {
            spoken: {self._vocabulary[word] for word in number_words(spoken) if word in self._vocabulary}
            for spoken in {item.language for item in items}
        }
        talks = [self._talks.setdefault(i.conversation_id or i.id, len(self._talks)) for i in items]
        return _Read(
            tokens=np.array([n for text in texts for n in text], np.int32),
            lengths=np.array([len(text) for text in texts], np.int64),
            at=np.array([item.at.timestamp() for item in items], np.float64),
            talk=np.array(talks, np.int64),
            speaker=np.array([self._names[item.speaker, item.language] for item in items], np.int64),
            language=np.array([LANGUAGES.index(item.language) for item in items], np.int64),
            asks=np.array(["?" in item.text[-12:] for item in items], np.bool_),
            counts_things=np.array(
                [
                    any(map(str.isdigit, item.text)) or not amounts[item.language].isdisjoint(text)
                    for item, text in zip(items, texts, strict=True)
                ],
                np.bool_,
            ),
        )

    def _numbers(self, text: str, language: Language) -> list[int]:
        number, seen = self._vocabulary.setdefault, self._vocabulary
        return [number(found, len(seen)) for found in analyse(text, language)]

    def _dates(self, known: "Index | None") -> tuple[Ints, Ints]:
        """What `mentions` begins with, and the places of the items whose dates were not read yet."""
        places = np.argsort(self._order)
        if known is None:
            return np.zeros((0, 3), np.int64), places
        dated, undated = known._dated.copy(), known._undated
        if "mentions" in known.__dict__:
            dated, undated = np.stack(known.mentions, axis=1), undated[:0]
        dated[:, 0] = places[dated[:, 0]]
        return dated, np.concatenate([places[undated], places[len(known.items) :]])

    @property
    def nbytes(self) -> int:
        arrays = self.tokens.nbytes + self.owner.nbytes
        return arrays + 2 * self._chars + 100 * len(self._vocabulary) + 500 * len(self.items)

    def placed(self, rows: NDArray[T]) -> NDArray[T]:
        """A row for each known item and then each given one, in the order of `items`."""
        return rows if self._in_place else rows[self._order]

    @cached_property
    def day(self) -> Ints:
        return np.array([item.at.toordinal() for item in self.items], np.int64)

    @cached_property
    def mentions(self) -> tuple[Ints, Ints, Ints]:
        """(item, first day, last day) of every date the texts speak of; read when first asked for."""
        rows = [
            (i, span.start, span.end)
            for i in self._undated.tolist()
            for span in spans(self.items[i].text, self.items[i].at, self.items[i].language)
        ]
        table = np.concatenate([self._dated, np.array(rows, np.int64).reshape(-1, 3)])
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
            spoken_by=named[:, self._each.speaker],
            slots=slots,
            pairs=list(dict.fromkeys(pairwise(sequence))),
            alike=(direct > 0) | alike,
            akin=(direct > 0) | alike | akin,
        )

    def _related(self, slot_of: dict[str, int], language: Language) -> tuple[Bools, Bools]:
        """(k, items) each: items with another word for a term, and with a word for a kind of it."""
        k, size = len(slot_of), len(self.items)
        found = np.zeros((2, k, size), np.bool_)
        ends = np.cumsum(self._each.lengths)
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
                held = np.bitwise_or.reduceat(tokens, ends - self._each.lengths)
                held[(self.lengths == 0) | ~spoken_here] = 0
                for slot in range(min(k, 64)):
                    found[row, slot] |= (held >> np.uint64(slot) & np.uint64(1)).astype(np.bool_)
        return found[0], found[1]
