"""The two shapes Recuerda runs in, and what their files hold."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from recuerda.settings import Settings
from tests.conftest import make_settings


@pytest.fixture(params=["one machine", "many machines"])
def shape(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "one machine":
        return make_settings(tmp_path / "data")
    url = request.getfixturevalue("postgres_url")
    with psycopg.connect(url, autocommit=True) as connection:  # as docs/privacy.md and compose.yaml have it
        connection.execute("ALTER SYSTEM SET wal_recycle = off")
        connection.execute("SELECT pg_reload_conf()")
    return make_settings(
        tmp_path / "data", database_url=url, chroma_url=request.getfixturevalue("chroma_url")
    )


def holds(data: bytes, words: str) -> bool:
    """For assertions that do not print the haystack."""
    return words.encode() in data


def raw(settings: Settings, request: pytest.FixtureRequest) -> bytes:
    """Every byte of every file this shape owns: of PostgreSQL, this test's database and the log."""
    folders = [settings.data_dir]
    if settings.database_url:
        server: Path = request.getfixturevalue("postgres")
        with psycopg.connect(settings.database_url) as connection:
            found = connection.execute(
                "SELECT oid FROM pg_database WHERE datname = current_database()"
            ).fetchone()
        assert found
        folders += [server / "base" / str(found[0]), server / "pg_wal"]
    return b"".join(b"".join(_files(folder)) for folder in folders)


def _files(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()
