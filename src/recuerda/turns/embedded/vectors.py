"""Vectors of the brand's own sentences, kept between replies. What customers write is never kept."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from recuerda.embeddings import Embedder, Vectors


class Vectoriser:
    def __init__(self, encoder: Embedder, most: int = 4000) -> None:
        self._encoder, self._most = encoder, most
        self._kept: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Not kept; shape (texts, dimensions)."""
        return self._encoder.embed(texts)

    def published(self, texts: Sequence[str]) -> Vectors:
        """Of text the brand publishes, which comes again and again."""
        with self._lock:
            known = {text: self._kept[text] for text in texts if text in self._kept}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, self._encoder.embed(missing), strict=True))
        with self._lock:
            for text in texts:
                self._kept[text] = known[text]
                self._kept.move_to_end(text)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        if not texts:
            return np.zeros((0, self._encoder.dimensions), np.float32)
        return np.stack([known[text] for text in texts])
