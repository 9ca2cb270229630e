"""The helper's side: a process that computes what its parent asks, until the pipe closes. See `helper`."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO, TypeVar

from uvicorn.loops.auto import auto_loop_factory

from recuerda.app import build, warm_up
from recuerda.helper import Outcome, framed, receive
from recuerda.settings import Settings
from recuerda.telemetry import logs, metrics

T = TypeVar("T")


class _AtOnce(ThreadPoolExecutor):
    """Nobody else waits here, so what would go to a thread is done where it is."""

    def submit(self, work: Callable[..., T], /, *given: Any, **named: Any) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(work(*given, **named))
        except Exception as error:
            done.set_exception(error)
        return done


async def _help(answers: BinaryIO) -> None:
    given = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(_AtOnce())
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(given), sys.stdin)

    def answer(value: Any) -> None:
        answers.write(framed(value))
        answers.flush()

    settings: Settings = await receive(given)
    logs.set_up(settings)
    recuerda = build(settings)
    await warm_up(recuerda)
    answer(None)
    while True:  # one after another: all of it is computing
        number, task, about = await receive(given)
        with metrics.relayed() as stages:
            try:
                value, done = await recuerda.tasks[task](about), True
            except Exception:  # the parent tries by itself, and meets it too if it lies in the data
                value, done = None, False
        answer(Outcome(number, done, value, stages))


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed must not get into the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
    try:
        with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
            runner.run(_help(answers))
    except (EOFError, OSError):
        os._exit(0)  # the parent is gone


if __name__ == "__main__":
    main()
