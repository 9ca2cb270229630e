"""From what was measured to one score: linear, trained by `evals/training/recall/train.py`.

Two weight vectors: items in the query's language are judged by all that is measured, items in another
by what survives translation: meaning, names, numbers and dates. Both are trained against the same "nothing
answers this", so their scores compare and the two lists merge by themselves.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from recuerda.embeddings import Vectors, unit
from recuerda.language import LANGUAGES, Language
from recuerda.memory.features import NAMES
from recuerda.memory.index import Bools, Floats, Ints


@dataclass(frozen=True)
class Weights:
    same: Floats  # (features,), for items in the query's language
    other: Floats  # (features,), for the rest
    other_bias: float
    nothing: float  # the score of "nothing answers this"
    slope: float  # Platt scaling (Platt 1999) of the scores to the share that is relevant
    offset: float
    floor: float  # the score (0..1) under which a hit is more likely noise than an answer

    def scores(self, measured: Floats, foreign: Bools) -> Floats:
        """0..1 for every item; `measured` as `features.measure` gives it."""
        raw = np.where(foreign, self.other @ measured + self.other_bias, self.same @ measured) - self.nothing
        return np.asarray(1 / (1 + np.exp(-(self.slope * raw + self.offset))), np.float32)


@cache
def weights() -> Weights:
    data = json.loads(files("recuerda.memory").joinpath("fusion.json").read_text("utf-8"))
    table = data.pop("features")
    same, other = (np.array([table.get(name, (0, 0))[i] for name in NAMES], np.float32) for i in (0, 1))
    return Weights(same=same, other=other, **data)


@cache
def _means() -> Vectors:
    """The embedded encoder's mean vector of each language, (languages, 512)."""
    with files("recuerda.memory").joinpath("language_means.npy").open("rb") as file:
        means: Vectors = np.load(file, allow_pickle=False)
    return means


def trained_means(dimensions: int) -> Vectors | None:
    """What to subtract from the embedded encoder's vectors of each language, (languages, dimensions); None
    for another encoder's.

    Sentence vectors share a large part that says only which language they are in (Yang et al. 2021,
    "A Simple and Effective Method To Eliminate the Self Language Bias").
    """
    return _means() if dimensions == _means().shape[1] else None


def own_means(vectors: Vectors) -> Vectors:
    """For another embedder, the history's own mean stands in, the more so the longer it is."""
    mean = vectors.sum(axis=0) / (len(vectors) + 20)
    return np.repeat(mean[None, :], len(LANGUAGES), axis=0).astype(np.float32)


@cache
def _asking() -> Vectors:
    """(512, 512), half precision in the file: see `towards_answers`."""
    with files("recuerda.memory").joinpath("asking.npy").open("rb") as file:
        return np.asarray(np.load(file, allow_pickle=False), np.float32)


def towards_answers(query: Vectors) -> Vectors:
    """A centred query, (dimensions,), moved from how one asks to how one says: a ridge regression from
    questions to the memories that answer them. Vectors of other embedders pass as they are.
    """
    return unit(query @ _asking()) if len(query) == len(_asking()) else query


def centred(vectors: Vectors, languages: Ints, means: Vectors) -> Vectors:
    return unit(vectors - means[languages])


def language_number(language: Language) -> int:
    return LANGUAGES.index(language)
