"""A slow OpenAI-compatible model, as a process of its own: so many words, one every so often.

    python -m evals.bench.slow_model --port 9100 --words 20 --pause 0.2

`GET /peak` says how many streams it has had open at once.
"""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

_WORDS = "Claro que sí, te ayudo con eso ahora mismo. Dime, por favor, qué más necesitas"


def application(words: int, pause: float) -> FastAPI:
    app = FastAPI()
    now = peak = 0

    async def speak() -> AsyncIterator[str]:
        nonlocal now, peak
        now += 1
        peak = max(peak, now)
        try:
            spoken = _WORDS.split()
            for number in range(words):
                await asyncio.sleep(pause)
                yield _chunk({"content": spoken[number % len(spoken)] + " "})
            yield _chunk({}, "stop")
            yield "data: [DONE]\n\n"
        finally:
            now -= 1

    @app.post("/v1/chat/completions")
    async def complete() -> StreamingResponse:
        return StreamingResponse(speak(), media_type="text/event-stream")

    @app.get("/readyz")
    async def ready() -> bool:
        return True

    @app.get("/peak")
    async def tell() -> int:
        """Since last asked."""
        nonlocal peak
        most, peak = peak, now
        return most

    return app


def _chunk(delta: dict[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
    piece = {
        "id": "slow",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "slow",
        "choices": [choice],
    }
    return f"data: {json.dumps(piece)}\n\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--words", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.2, help="seconds before each word")
    given = parser.parse_args()
    app = application(given.words, given.pause)
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="error", access_log=False, backlog=4096)


if __name__ == "__main__":
    main()
