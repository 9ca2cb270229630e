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


def _fill_freed_memory() -> None:
    """Chroma writes whole buffers, filled or not: what this process freed must not be found in its files.

    glibc then overwrites memory as it is freed. Elsewhere nothing happens, and the buffers may hold words.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_PERTURB, 0xA5)


def embedded(path: Path) -> "Client":
    import chromadb

    _fill_freed_memory()
    from chromadb.config import Settings

    path.mkdir(parents=True, exist_ok=True)
    with speaking("open"):
        # Without WAL a reader waits for every writer; the mode is kept in the file, so it is set first.
        with sqlite3.connect(path / "chroma.sqlite3") as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        settings = Settings(anonymized_telemetry=False, allow_reset=False)
        return cast("Client", chromadb.PersistentClient(str(path), settings=settings))


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
