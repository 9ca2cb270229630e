"""An application on a real port, in a thread beside the test: for clients that are synchronous."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future

from evals.bench.twilio_server import serving
from fastapi import FastAPI


@contextlib.contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Gives its address."""
    loop, stop, address = asyncio.new_event_loop(), asyncio.Event(), Future[str]()

    async def run() -> None:
        async with serving(app) as url:
            address.set_result(url)
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        yield address.result(60)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
