"""The passages' vectors in Chroma: one plain collection, derived from SQL like the shards.

It gives the candidates by meaning; words are matched in process (see `shelf`). It is dropped whenever the
index is mended and filled again at the next question: a thousand passages take about a second.
"""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from recuerda.embeddings import Vectors
from recuerda.memory.client import speaking

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

NAME = "kb-v1"
_BATCH = 20  # as for the shards: embedded writes hold the interpreter
_HNSW: Any = {"space": "l2", "ef_construction": 200, "ef_search": 400}


class PassageVectors:
    """Blocking and thread-safe. Every failure of Chroma comes out as `Unavailable`."""

    def __init__(self, client: "Client", lock: threading.RLock) -> None:
        self._client, self._lock = client, lock
        self.kept: object = None  # whose vectors these are: the shelf last given to `keep`

    def keep(self, wanted: Mapping[str, Vectors], shelf: object) -> None:
        """Brings the collection to exactly these passages; a passage never changes its vector."""
        with speaking("write"):
            collection = self._collection()
            present = set(collection.get(include=[])["ids"])
            missing = [id for id in wanted if id not in present]
            gone = sorted(present.difference(wanted))
            for start in range(0, len(gone), _BATCH):
                with self._lock:
                    collection.delete(ids=gone[start : start + _BATCH])
            for start in range(0, len(missing), _BATCH):
                ids = missing[start : start + _BATCH]
                with self._lock:
                    collection.upsert(ids=ids, embeddings=np.stack([wanted[id] for id in ids]))
        self.kept = shelf

    def nearest(self, vector: Vectors, limit: int) -> dict[str, float]:
        """Cosines of the passages most like `vector`, by passage."""
        with speaking("read"):
            found = self._collection().query(
                query_embeddings=vector.reshape(1, -1), n_results=limit, include=["distances"]
            )
        distances = (found["distances"] or [[]])[0]
        # Unit vectors: the squared distance is twice what is missing from the cosine.
        return {id: 1 - distance / 2 for id, distance in zip(found["ids"][0], distances, strict=True)}

    def _collection(self) -> "Collection":
        return self._client.get_or_create_collection(
            NAME, configuration={"hnsw": _HNSW}, embedding_function=None
        )
