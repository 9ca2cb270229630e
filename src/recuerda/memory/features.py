"""What is measured of each item for a query: about two dozen cheap numbers, all items at once.

Lexical ones are BM25 (Robertson and Zaragoza 2009) of the item and of what surrounds it, over the sum of
the query's idf so that queries compare; dense ones are cosines; the rest are dates, names and cues.
"""

import re
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from recuerda.embeddings import Vectors
from recuerda.language import Language, fold
from recuerda.memory.dates import spans
from recuerda.memory.index import Bools, Counts, Floats, Index
from recuerda.memory.terms import term, words

_K1, _B = 0.9, 0.4
NAMES = (
    *("turn", "turn_share", "speaker_turn", "speaker_turn_share", "speaker_turn_rank", "coverage", "rarest"),
    *("pairs", "window", "window_share", "window_rank", "session", "session_best", "dense", "dense_high"),
    *(
        "dense_rank",
        "dense_previous",
        "dense_next",
        "session_dense",
        "dated",
        "mentioned",
        "when",
        "how_many",
    ),
    *("proper", "speaker", "asks", "alike", "alike_share", "akin", "akin_share", "akin_window"),
    *("plain", "plain_high", "plain_rank"),
)
_WHEN = {
    "en": r"\bwhen\b|\b(?:what|which) (?:date|day|time|month|year)\b|\bhow long ago\b",
    "es": r"\bcuando\b|\b(?:que|cual) (?:fecha|dia|hora|mes|ano)\b|\bhace cuanto\b|\ben que fechas?\b",
    "pt": r"\bquando\b|\b(?:que|qual) (?:data|dia|hora|horas|mes|ano)\b|\bha quanto tempo\b",
}
_HOW_MANY = {
    "en": r"\bhow (?:many|much|old|long|tall|far|often|big)\b|\bwhat (?:size|price|number|age)\b",
    "es": r"\bcuant[oa]s?\b|\bque (?:talla|numero|precio|edad)\b",
    "pt": r"\bquant[oa]s?\b|\b(?:que|qual) (?:o |a )?(?:tamanho|numero|preco|idade)\b",
}


@dataclass(frozen=True)
class Query:
    text: str
    vector: Vectors  # (dimensions,), centred like the history's, moved towards answers
    plain: Vectors  # the same, not moved
    language: Language
    now: datetime


def measure(index: Index, vectors: Vectors, query: Query) -> NDArray[np.float32]:
    """Shape (len(NAMES), items). `vectors` are the items', unit length."""
    counts = index.counts(query.text, query.language)
    lexical = _lexical(index, counts)
    dense = _dense(index, vectors @ query.vector) | _plain(vectors @ query.plain)
    other = _cues(index, query) | {"proper": _proper(counts, query)}
    every = lexical | dense | other
    return np.stack([every[name] for name in NAMES]).astype(np.float32)


def _before(values: Floats, index: Index) -> Floats:
    """Each item's predecessor's value, 0 at the start of a conversation."""
    moved = np.zeros_like(values)
    moved[..., 1:] = values[..., :-1] * index.continues[1:]
    return moved


def _after(values: Floats, index: Index) -> Floats:
    moved = np.zeros_like(values)
    moved[..., :-1] = values[..., 1:] * index.continues[1:]
    return moved


def _share(values: Floats) -> Floats:
    """Of the best item's value: comparable between a history of 20 items and one of 5,000."""
    share: Floats = values / max(float(values.max(initial=0)), 1e-6)
    return share


def _rank(values: Floats) -> Floats:
    """1 for the first place, then 3/4, 3/5, ... (as in reciprocal rank fusion, Cormack et al. 2009)."""
    places = np.empty(len(values), np.float32)
    places[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return np.where(values > 0, 3 / (3 + places), 0).astype(np.float32)


def _lexical(index: Index, counts: Counts) -> dict[str, Floats]:
    size = len(index.items)
    tf = counts.tf
    df = (tf > 0).sum(axis=1)
    idf = np.log1p((size - df + 0.5) / (df + 0.5)).astype(np.float32)
    total = max(float(idf.sum()), 1e-6)

    def bm25(tf: Floats, lengths: Floats) -> Floats:
        norm = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1.0))
        scores: Floats = (idf / total) @ (tf / (tf + norm))
        return scores

    turn = bm25(tf, index.lengths)
    speaker_turn = bm25(tf + counts.spoken_by, index.lengths + 1)
    has = (tf > 0).astype(np.float32)
    around_lengths = index.lengths + _before(index.lengths, index) + _after(index.lengths, index)
    session = bm25(np.add.reduceat(tf, index.starts, axis=1), np.add.reduceat(index.lengths, index.starts))
    window = bm25(tf + _before(tf, index) + _after(tf, index), around_lengths)
    return {
        "turn": turn,
        "turn_share": _share(turn),
        "speaker_turn": speaker_turn,
        "speaker_turn_share": _share(speaker_turn),
        "speaker_turn_rank": _rank(speaker_turn),
        "window_share": _share(window),
        "window_rank": _rank(window),
        "speaker": (idf / total) @ counts.spoken_by,
        "coverage": (idf / total) @ has,
        "rarest": (idf[:, None] * has).max(axis=0, initial=0) / max(float(idf.max(initial=0)), 1e-6),
        "pairs": _pairs(index, counts, idf),
        "window": window,
        "session": session[index.session],
        "session_best": np.maximum.reduceat(turn, index.starts)[index.session],
        **_related(index, counts),
    }


def _related(index: Index, counts: Counts) -> dict[str, Floats]:
    """Share of the query's terms, by idf, that the item has in these words, others, or a kind of them."""

    def coverage(has: Bools) -> Floats:
        df = has.sum(axis=1)
        idf = np.log1p((len(index.items) - df + 0.5) / (df + 0.5)).astype(np.float32)
        covered: Floats = (idf / max(float(idf.sum()), 1e-6)) @ has.astype(np.float32)
        return covered

    alike, akin = coverage(counts.alike), coverage(counts.akin)
    around = np.maximum(_before(akin, index), _after(akin, index))
    return {
        "alike": alike,
        "alike_share": _share(alike),
        "akin": akin,
        "akin_share": _share(akin),
        "akin_window": around,
    }


def _pairs(index: Index, counts: Counts, idf: Floats) -> Floats:
    """Share of the query's neighbouring terms that are neighbours, or one word apart, in the item."""
    size = len(index.items)
    if not counts.pairs:
        return np.zeros(size, np.float32)
    weights = np.zeros((len(idf), len(idf)), np.float32)
    for a, b in counts.pairs:
        weights[a, b] = idf[a] + idf[b]
    found = np.zeros(size)
    for apart in (1, 2):
        left, right = counts.slots[:-apart], counts.slots[apart:]
        at = np.flatnonzero((left >= 0) & (right >= 0))
        at = at[index.owner[at] == index.owner[at + apart]]
        found += np.bincount(index.owner[at], weights[left[at], right[at]], minlength=size)
    return np.asarray(np.minimum(found / weights.sum(), 1.0), np.float32)


def _spread(dense: Floats) -> float:
    """Their deviation; of a few, nearer to what it usually is."""
    return float(np.sqrt((dense.var() * len(dense) + 0.15**2 * 20) / (len(dense) + 20)))


def _dense(index: Index, dense: Floats) -> dict[str, Floats]:
    lengths = np.diff(np.append(index.starts, len(dense)))
    spread = _spread(dense)
    return {
        "dense": dense,
        "dense_rank": _rank(np.maximum(dense, 0)),
        "dense_high": (dense - dense.mean()) / spread / 5,
        "dense_previous": _before(dense, index),
        "dense_next": _after(dense, index),
        "session_dense": (np.add.reduceat(dense, index.starts) / lengths)[index.session],
    }


def _plain(plain: Floats) -> dict[str, Floats]:
    return {
        "plain": plain,
        "plain_rank": _rank(np.maximum(plain, 0)),
        "plain_high": (plain - plain.mean()) / _spread(plain) / 5,
    }


def _cues(index: Index, query: Query) -> dict[str, Floats]:
    """Dates the query names against when an item was said and what it speaks of; items that could answer
    "when" and "how many"."""
    plain = fold(query.text)
    asked = spans(query.text, query.now, query.language)
    when = bool(re.search(_WHEN[query.language], plain))
    size = len(index.items)
    dated, mentioned = np.zeros(size, np.float32), np.zeros(size, np.float32)
    tells_when: Bools = np.zeros(size, np.bool_)
    if asked or when:
        owner, first, last = index.mentions
        tells_when[owner] = True
        for start, end in asked:
            # Something is told a few days after it happened: closeness fades rather than ends.
            late = np.maximum(index.day - end, 0) / 7 + np.maximum(start - index.day, 0) / 2
            dated = np.maximum(dated, np.exp(-late))
            if end - start < 300:
                np.maximum.at(mentioned, owner[(first <= end) & (last >= start) & (last - first < 300)], 1.0)
    many = bool(re.search(_HOW_MANY[query.language], plain))
    return {
        "dated": dated,
        "mentioned": mentioned,
        "when": (tells_when & when).astype(np.float32),
        "how_many": (index.counts_things & many).astype(np.float32),
        "asks": index.asks.astype(np.float32),
    }


def _proper(counts: Counts, query: Query) -> Floats:
    """Share of the query's capitalised words, the first word apart, that the item has."""
    names = {
        term(word, query.language) for word in words(query.text)[1:] if word[:1].isupper() or word.isdigit()
    }
    rows = [i for i, stem in enumerate(counts.terms) if stem in names]
    if not rows:
        return np.zeros(counts.tf.shape[1], np.float32)
    share: Floats = (counts.tf[rows] > 0).mean(axis=0, dtype=np.float32)
    return share
