"""A second process that computes, so that a machine's second core is used too.

Beside SQLite and the embedded index there is one process, and Python computes on one core at a time. What a
reply says and what a message teaches is computed from what the database holds. A helper reads that itself, as
any number of processes may, and hands back the outcome; it writes nothing. It ends with its parent, whose end
of the pipe closes then. When it ends first, or is busy, the parent computes.
"""

import asyncio
import contextlib
import logging
import pickle
import struct
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from recuerda.settings import Settings
from recuerda.telemetry import metrics

log = logging.getLogger(__name__)
T = TypeVar("T")

_BUSY = 200  # tasks given and not done, from which on the parent computes too, which holds up all else
_PATIENCE = 20.0  # seconds for a task; a helper that takes longer is replaced
_PAUSE = 5.0  # seconds before a helper that ended is replaced
_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a task of this number; `done` is False when it failed: then the parent meets the fault itself."""

    number: int
    done: bool
    value: Any
    stages: list[tuple[str, float]]


class Helper:
    """The parent's side. Without `run` there is no helper, and all is computed here."""

    def __init__(self) -> None:
        self._pipe: asyncio.StreamWriter | None = None
        self.pid: int | None = None  # of one that is warm
        self._given: dict[int, asyncio.Future[Outcome | None]] = {}
        self._numbers = count()

    async def do(self, task: str, about: str, here: Callable[[], Awaitable[T]]) -> T:
        """What the helper's `task` makes of `about`, an id; or what `here` does."""
        if self._pipe is None or len(self._given) >= _BUSY:
            return await here()
        number = next(self._numbers)
        given = self._given[number] = asyncio.get_running_loop().create_future()
        try:
            self._pipe.write(framed((number, task, about)))
            outcome = await asyncio.wait_for(given, _PATIENCE)
        except TimeoutError:
            outcome = None
            self._close()
        finally:
            self._given.pop(number, None)
        if outcome is None or not outcome.done:
            return await here()
        metrics.observe(outcome.stages)
        value: T = outcome.value
        return value

    async def run(self, settings: Settings) -> None:
        """Keep a helper until cancelled."""
        while True:
            await self._keep_one(settings)
            log.warning("the helper ended; another is started")
            await asyncio.sleep(_PAUSE)

    async def _keep_one(self, settings: Settings) -> None:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "recuerda.helping", stdin=pipe, stdout=pipe
        )
        assert child.stdin
        assert child.stdout
        try:
            child.stdin.write(framed(settings))
            await receive(child.stdout)  # it is warm
            self._pipe, self.pid = child.stdin, child.pid
            while True:
                outcome: Outcome = await receive(child.stdout)
                if (given := self._given.get(outcome.number)) and not given.done():
                    given.set_result(outcome)
        except (EOFError, OSError):
            return
        finally:
            self._close()
            child.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                child.kill()  # it holds nothing that must be put in order
            await asyncio.shield(asyncio.ensure_future(child.wait()))

    def _close(self) -> None:
        if self._pipe:
            self._pipe.close()
        self._pipe = self.pid = None
        for given in self._given.values():
            if not given.done():
                given.set_result(None)


def framed(value: Any) -> bytes:
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


async def receive(stream: asyncio.StreamReader) -> Any:
    """Raises EOFError when the other side is gone."""
    [length] = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
    return pickle.loads(await stream.readexactly(length))  # noqa: S301 - our own process's
