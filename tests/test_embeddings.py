"""Embedding on the event loop: only what nobody else is in the way of."""

import asyncio
import threading
import time

from recuerda.embeddings import SentenceEncoder, embed


async def test_the_event_loop_does_not_wait_for_who_computes() -> None:
    encoder = SentenceEncoder()
    encoder.embed(["hola"])
    asked = asyncio.create_task(embed(encoder, ["nobody has asked for this before"]))
    await asyncio.sleep(0)
    SentenceEncoder._lock.acquire()
    threading.Timer(1, SentenceEncoder._lock.release).start()
    began = time.monotonic()
    await asyncio.sleep(0.01)
    assert time.monotonic() - began < 0.8
    assert (await asked).shape == (1, encoder.dimensions)
