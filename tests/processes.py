"""Recuerda as processes of its own, as it runs in earnest."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from tests.conftest import KEY
from tests.servers import free_port

RECUERDA = (sys.executable, "-m", "recuerda")


class Server:
    """`recuerda serve` as a process of its own."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self._command = [*RECUERDA, "serve", "--data-dir", str(data_dir), "--port", str(self.port)]
        self._environment = {**os.environ, **environment, "RECUERDA_API_KEYS": KEY}
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._process = subprocess.Popen(self._command, env=self._environment)
        async with self.client() as http:
            for _ in range(600):
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get("/readyz")).status_code == 200:
                        return
                assert self._process.poll() is None, "the server stopped"
                await asyncio.sleep(0.1)
        raise AssertionError("the server did not start")

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        assert self._process
        self._process.send_signal(how)
        return self._process.wait(30)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {KEY}"}, timeout=60
        )


@contextlib.contextmanager
def worker(data_dir: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """`recuerda worker`, stopped in order at the end."""
    command = [*RECUERDA, "worker", "--data-dir", str(data_dir)]
    with subprocess.Popen(command, env={**os.environ, **environment}) as process:
        yield
        process.terminate()
        assert process.wait(30) == 0
