"""Opening Chroma: telemetry off, errors made ours, memory given back."""

import contextlib
import ctypes
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from recuerda.errors import Unavailable

if TYPE_CHECKING:
    from chromadb.api.client import Client


@contextlib.contextmanager
def speaking(doing: str) -> Iterator[None]:
    """Chroma raises its own errors, httpx's, and panics from Rust: one of ours comes out."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            # Only the kind of the error is told: its words may hold ids.
            raise Unavailable(f"Chroma failed to {doing} ({type(error).__name__}).") from error
        raise


_M_PERTURB = -6  # of glibc's mallopt


def fill_freed_memory(byte: int = 0xA5) -> None:
    """Chroma writes whole buffers, filled or not: what this process freed must not be found in its files.

    glibc then overwrites memory as it is freed; with 0 it does no more. Elsewhere nothing happens, and the
    buffers may hold words.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_PERTURB, byte)


def embedded(path: Path) -> "Client":
    import chromadb

    fill_freed_memory()
    from chromadb.config import Settings

    path.mkdir(parents=True, exist_ok=True)
    with speaking("open"):
        _prepare(path / "chroma.sqlite3")
        settings = Settings(anonymized_telemetry=False, allow_reset=False)
        return cast("Client", chromadb.PersistentClient(str(path), settings=settings))


# Chroma keeps up to a thousand writes of each collection in one table and reads all of it for one's own at
# every write and first touch: at a million memories 110 ms of processor time, with an index 4.
_LOG_INDEX = "CREATE INDEX IF NOT EXISTS recuerda_log ON embeddings_queue (topic, seq_id)"


def _prepare(file: Path) -> None:
    """Before Chroma opens it: its SQLite is another copy than ours, and the two would drop each other's locks
    on a file that both have open in one process."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # Without WAL a reader waits for every writer; the mode is kept in the file.
        connection.execute("PRAGMA journal_mode=WAL")
        with contextlib.suppress(sqlite3.OperationalError):  # a new file has no table yet
            connection.execute(_LOG_INDEX)


def server(url: str) -> "Client":
    import chromadb
    from chromadb.config import Settings

    parts = urlsplit(url)
    with speaking("connect"):
        client = chromadb.HttpClient(
            host=parts.hostname or "localhost",
            port=parts.port or (443 if parts.scheme == "https" else 8000),
            ssl=parts.scheme == "https",
            settings=Settings(anonymized_telemetry=False),
        )
        return cast("Client", client)


def trim() -> None:
    """Gives the memory of a closed index back to the system, where the C library can (glibc)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
