"""Chroma, and nothing but Chroma: one small class whose methods demand a customer id.

Customers are spread over a fixed number of collections by a hash of their id. One collection for all
was measured to lose recall and take seconds at a million items; one per customer runs out of file
handles. A shard holds ids, vectors and two small metadata values, never text: `customer`, the only
filter there is, and `seal`, the vector's checksum, by which a probe notices a damaged file.
"""

import hashlib
import logging
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recuerda.embeddings import Vectors, to_bytes
from recuerda.memory.client import embedded, server, speaking, trim
from recuerda.memory.kb import NAME, PassageVectors

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

log = logging.getLogger(__name__)

_FEW = 20  # Chroma's embedded writes hold the interpreter: 20 rows keep other work waiting about 15 ms
_SOME = 200  # a server's do not: there each request costs as much as 40 rows
_BULK = 5000  # in a process of its own; Chroma takes no more than 5461 at once
_ENTRIES_A_SHARD, _FEWEST, _MOST = 2000, 16, 1024
LOADED = 100_000  # entries taken into Chroma's memory, which it never gives back, before it is opened anew


@dataclass(frozen=True, slots=True)
class Entry:
    """What a shard holds of one memory."""

    id: str
    customer_id: str
    vector: Vectors


@dataclass(frozen=True, slots=True)
class Slice:
    """Entries as read: `vectors` has a row for each id."""

    ids: list[str]
    seals: list[int]
    vectors: Vectors


def seal(vector: Vectors) -> int:
    return zlib.crc32(to_bytes(vector))


def shard_of(customer_id: str, shards: int) -> int:
    return int.from_bytes(hashlib.blake2b(customer_id.encode(), digest_size=8).digest()) % shards


def shards_for(memories: int) -> int:
    """How many shards suit so many memories: about 2,000 in each, a power of two.

    Measured: a shard of 2,000 opens in 12 ms (4,000: 25 ms; 1,000: 10 ms) and each one costs 3 to 6 MB
    and four file handles once it is open, so a small shop has few.
    """
    return min(max(1 << (max(memories - 1, 0) // _ENTRIES_A_SHARD).bit_length(), _FEWEST), _MOST)


class Shards:
    """Blocking and thread-safe. Every failure of Chroma comes out as `Unavailable`."""

    def __init__(self, shards: int, *, path: Path | None = None, url: str = "") -> None:
        """`path` opens an embedded Chroma, `url` a server: exactly one of them."""
        self.shards = shards
        self._connect = partial(embedded, path) if path else partial(server, url)
        self._client = self._connect()
        # The number is in the name: entries placed by one number are never looked for by another.
        self._prefix = f"{_PREFIX}{shards:04d}-"
        self._collections: dict[int, Collection] = {}
        self._lock = threading.RLock()
        self._loaded = 0 if path else None
        self._batch = _FEW if path else _SOME
        self._hnsw = _HNSW if path else _HNSW | _SERVED
        self.on_close: Callable[[], object] = lambda: None
        self.passages = PassageVectors(self._client, self._lock)

    @property
    def crowded(self) -> bool:
        """Whether so much has been read and written that it is time to close and open again."""
        return self._loaded is not None and self._loaded > LOADED

    def close(self) -> None:
        with self._lock:
            self._collections.clear()
            self._client.close()
            trim()
            self.on_close()

    def parts(self, entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
        """As they are best written, one `upsert` each, by a process with other things to do."""
        return self._parts(entries, self._batch)

    def _parts(self, entries: Sequence[Entry], most: int) -> Iterator[Sequence[Entry]]:
        by_shard: dict[int, list[Entry]] = {}
        for entry in entries:
            by_shard.setdefault(shard_of(entry.customer_id, self.shards), []).append(entry)
        for rows in by_shard.values():
            for start in range(0, len(rows), most):
                yield rows[start : start + most]

    def upsert(self, entries: Sequence[Entry]) -> None:
        for rows in self._parts(entries, _BULK):
            self._write(shard_of(rows[0].customer_id, self.shards), rows)

    def settle(self, shard: int) -> None:
        """After filling: has Chroma drop its log of what it has written."""
        with self._lock, speaking("settle"):
            self._collection(shard).count()
        self.breathe()

    def breathe(self) -> None:
        """For a process that goes through all shards: gives back the memory of those it is done with."""
        with self._lock:
            if self.crowded:
                self._collections.clear()
                self._client.close()
                trim()
                self._client = self._connect()
                self._loaded = 0

    def _write(self, shard: int, rows: Sequence[Entry]) -> None:
        with self._lock, speaking("write"):
            self._collection(shard).upsert(
                ids=[row.id for row in rows],
                embeddings=np.stack([row.vector for row in rows]),
                metadatas=[{"customer": row.customer_id, "seal": seal(row.vector)} for row in rows],
            )
            if self._loaded is not None:
                self._loaded += len(rows)

    def remove(self, customer_id: str, ids: Sequence[str]) -> None:
        """Not found any more; the bytes go when the shard is next built anew."""
        self.forget(shard_of(customer_id, self.shards), ids)

    def forget(self, shard: int, ids: Iterable[str]) -> None:
        with self._lock, speaking("write"):
            self._collection(shard).delete(ids=list(ids))

    def nearest(self, customer_id: str, vector: Vectors, limit: int) -> list[str]:
        """Ids of the customer's entries nearest to `vector`, about exactly (see `_HNSW`)."""
        with speaking("read"):
            with self._lock:
                collection = self._collection(shard_of(customer_id, self.shards))
            found = collection.query(
                query_embeddings=[vector.tolist()],
                n_results=limit,
                where={"customer": customer_id},
                include=[],
            )
        return found["ids"][0]

    def all(self, shard: int) -> tuple[Slice, list[str]]:
        """A whole shard, and whose each entry is: for the probe, not for any question about a customer."""
        with speaking("read"):
            with self._lock:
                collection = self._collection(shard)
            got = collection.get(include=["embeddings", "metadatas"])
            data = [entry or {} for entry in got["metadatas"] or ()]
            vectors = np.asarray(got["embeddings"], np.float32)
        found = Slice(got["ids"], [_int(entry.get("seal")) for entry in data], vectors)
        return found, [str(entry.get("customer")) for entry in data]

    def drop(self, shard: int) -> None:
        with self._lock, speaking("drop"):
            self._collections.pop(shard, None)
            if self._name(shard) in _names(self._client):
                self._client.delete_collection(self._name(shard))

    def drop_strangers(self) -> None:
        """Drops the shards of an index with another number of them, and what is made anew when asked for."""
        with self._lock, speaking("drop"):
            for name in _names(self._client):
                if name == NAME or (name.startswith(_PREFIX) and not name.startswith(self._prefix)):
                    self._client.delete_collection(name)

    def existing(self) -> set[int]:
        """The shards that exist: they are made when first touched, so that a small shop has few."""
        with speaking("list"):
            return {
                int(name.removeprefix(self._prefix))
                for name in _names(self._client)
                if name.startswith(self._prefix)
            }

    def count(self) -> int:
        with self._lock, speaking("count"):
            return sum(self._collection(shard).count() for shard in self.existing())

    def _name(self, shard: int) -> str:
        return f"{self._prefix}{shard:04d}"

    def _collection(self, shard: int) -> "Collection":
        if (found := self._collections.get(shard)) is None:
            # Both are given because either alone lets Chroma put in a default that downloads a model.
            found = self._client.get_or_create_collection(
                self._name(shard), configuration={"hnsw": self._hnsw}, embedding_function=None
            )
            self._collections[shard] = found
            if self._loaded is not None:
                self._loaded += found.count()
        return found


_PREFIX = "mem-"
# `l2` because Chroma gives vectors back bit for bit only in that space; for unit vectors it ranks like
# the cosine. The graph is walked past other customers' entries, hence the wide search.
_HNSW: Any = {"space": "l2", "ef_construction": 40, "max_neighbors": 12, "ef_search": 1000}
# A write reads the log of writes of all shards. The embedded one has an index for that (see `client`); on a
# server each shard leaves fewer rows there than the usual thousand: 11 instead of 22 ms a write to 16 shards.
_SERVED = {"sync_threshold": 200}


def _names(client: "Client") -> list[str]:
    return [collection.name for collection in client.list_collections()]


def shards_on(url: str) -> int | None:
    """How many shards an index on this server has, whose other users may have come first."""
    client = server(url)
    with speaking("list"):
        numbers = [int(name.split("-")[1]) for name in _names(client) if name.startswith(_PREFIX)]
        client.close()
    return max(numbers, default=None)


def _int(value: object) -> int:
    return value if isinstance(value, int) else -1
