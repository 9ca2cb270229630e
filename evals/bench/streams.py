"""A thousand conversations streaming at once while a slow model writes: errors, waits and memory.

    python -m evals.bench.streams --shape sqlite --concurrency 100,300,1000
    python -m evals.bench.streams --shape postgresql --apis 2 --concurrency 1000 --words 100

So many customers open a conversation; then all write at the same moment, again and again, and read the
reply as server-sent events over HTTP. The model is a process that says a word every 200 ms. Facts are
extracted by the embedded engine. A turn is an error unless it was accepted, came in as many pieces as the
model spoke, was saved by the model's engine (not by the one that stands in) and ended with `done`.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

import httpx
import numpy as np
from evals.bench.fleet import KEY, Fleet, Proc, Shape, fleet, free_port

_WAIT = 300.0  # seconds a reader waits for the next event
# Nothing that a product must be named for: this model names none, and its reply would be withheld.
_SAID = ("¿Hacen envíos a Cali?", "¿Cuánto tarda el envío?", "¿Puedo pagar con tarjeta?")


@dataclass(slots=True)
class Wave:
    """One round of everybody writing at once. Times in seconds, memory in MB."""

    shape: str
    concurrency: int
    wave: int
    errors: int
    open_at_once: int  # streams at the model
    accepted_p95: float
    first_word_p50: float
    first_word_p95: float
    whole_p50: float
    whole_p95: float
    seconds: float
    cpu_ms: float  # of our processes, a turn
    rss_mb: float  # highest while it went on
    files: int  # descriptors our processes had open at most


@dataclass(slots=True)
class Turn:
    accepted: float = 0.0
    first_word: float = 0.0
    whole: float = 0.0
    words: int = 0
    engine: str = ""
    error: str = ""


@dataclass(slots=True)
class Watch:
    """The highest memory and open files while a wave goes on."""

    shop: Fleet
    rss: float = 0.0
    files: int = 0

    async def look(self) -> None:
        while True:
            self.rss, self.files = max(self.rss, self.shop.rss()), max(self.files, self.shop.files())
            await asyncio.sleep(0.5)


@dataclass
class Customer:
    http: httpx.AsyncClient
    number: int
    conversation: str = ""
    turns: list[Turn] = field(default_factory=list)

    async def open(self) -> None:
        body = {"customer": {"external_id": f"s{self.number}"}, "locale": "es-CO"}
        answer = await self.http.post("/v1/conversations", json=body)
        answer.raise_for_status()
        self.conversation = answer.json()["id"]

    async def say(self, text: str) -> Turn:
        turn, started = Turn(), time.monotonic()
        try:
            async with self.http.stream(
                "POST",
                f"/v1/conversations/{self.conversation}/messages",
                json={"text": text},
                headers={"Accept": "text/event-stream"},
            ) as answer:
                if answer.status_code != 201:
                    turn.error = f"status {answer.status_code}"
                    return turn
                await self._read(answer, turn, started)
        except httpx.HTTPError as error:
            turn.error = type(error).__name__
        return turn

    async def _read(self, answer: httpx.Response, turn: Turn, started: float) -> None:
        name = ""
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name, since = line.removeprefix("event: "), time.monotonic() - started
                if name == "accepted":
                    turn.accepted = since
                elif name == "delta":
                    turn.first_word = turn.first_word or since
                    turn.words += 1
                elif name in ("error", "restart"):
                    turn.error = name
                elif name == "done":
                    turn.whole = since
            elif name == "reply" and line.startswith("data: "):
                turn.engine = (json.loads(line.removeprefix("data: "))["reply"] or {}).get("engine", "")


def fault(turn: Turn, words: int) -> str:
    """Why a turn counts as an error; empty when it does not."""
    if turn.error:
        return turn.error
    if not (turn.accepted and turn.whole):
        return "broken off"
    if not turn.engine.startswith("llm:"):
        return f"answered by {turn.engine or 'nobody'}"
    # The last words are checked before they are shown, so some come together.
    return "" if turn.words >= words // 2 else f"only {turn.words} pieces"


async def wave(shop: Fleet, customers: list[Customer], number: int, model: str, words: int) -> Wave:
    watch, cpu = Watch(shop), shop.cpu()["recuerda"]
    watching, started = asyncio.create_task(watch.look()), time.monotonic()
    turns = await asyncio.gather(*(c.say(_SAID[number % len(_SAID)]) for c in customers))
    seconds = time.monotonic() - started
    watching.cancel()
    used = shop.cpu()["recuerda"] - cpu
    async with httpx.AsyncClient() as http:
        most = int((await http.get(f"{model}/peak")).text)
    faults = Counter(why for turn in turns if (why := fault(turn, words)))
    for why, count in faults.items():
        print(f"  error: {why}, {count} times")

    def quantile(what: str, q: int) -> float:
        return round(float(np.percentile([getattr(turn, what) for turn in turns], q)), 2)

    return Wave(
        shape=shop.shape,
        concurrency=len(customers),
        wave=number,
        errors=sum(faults.values()),
        open_at_once=most,
        accepted_p95=quantile("accepted", 95),
        first_word_p50=quantile("first_word", 50),
        first_word_p95=quantile("first_word", 95),
        whole_p50=quantile("whole", 50),
        whole_p95=quantile("whole", 95),
        seconds=round(seconds, 1),
        cpu_ms=round(1000 * used / len(turns), 1),
        rss_mb=round(watch.rss),
        files=watch.files,
    )


async def bench(
    shape: Shape, apis: int, concurrencies: list[int], waves: int, words: int, pause: float
) -> list[Wave]:
    done, port = [], free_port()
    speaking = ["--port", str(port), "--words", str(words), "--pause", str(pause)]
    slow = Proc("model", [sys.executable, "-m", "evals.bench.slow_model", *speaking], {}, port)
    slow.start()
    model = slow.url
    try:
        await slow.ready()
        environment = {
            "RECUERDA_LLM_MODEL": "slow",
            "RECUERDA_LLM_BASE_URL": f"{model}/v1",
            "RECUERDA_EXTRACTOR": "embedded",
            "RECUERDA_RATE_PER_KEY": "0",
        }
        async with (
            fleet(shape, apis=apis, environment=environment) as shop,
            contextlib.AsyncExitStack() as stack,
        ):
            clients = [await stack.enter_async_context(_client(api.url)) for api in shop.apis]
            for concurrency in concurrencies:
                customers = [Customer(clients[n % len(clients)], n) for n in range(concurrency)]
                for start in range(0, concurrency, 20):  # opening them is not what is measured
                    await asyncio.gather(*(c.open() for c in customers[start : start + 20]))
                for number in range(waves):
                    done.append(await wave(shop, customers, number, model, words))
                    print(json.dumps(asdict(done[-1])), flush=True)
    finally:
        slow.kill(signal.SIGTERM)
    return done


def _client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=_WAIT,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
    )


def table(waves: list[Wave]) -> str:
    names = list(Wave.__dataclass_fields__)
    lines = ["| " + " | ".join(name.replace("_", " ") for name in names) + " |", "|---" * len(names) + "|"]
    lines += ["| " + " | ".join(str(getattr(w, name)) for name in names) + " |" for w in waves]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=get_args(Shape), action="append", help="both when left out")
    parser.add_argument("--apis", type=int, default=2, help="API processes with PostgreSQL")
    parser.add_argument("--concurrency", default="100,300,1000")
    parser.add_argument("--waves", type=int, default=3, help="times everybody writes")
    parser.add_argument("--words", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.2, help="seconds before each word")
    parser.add_argument("--results", type=Path, default=Path("evals/results/streams.json"))
    given = parser.parse_args()
    concurrencies = [int(part) for part in given.concurrency.split(",")]
    waves: list[Wave] = []
    shape: Any
    for shape in given.shape or get_args(Shape):
        apis = 1 if shape == "sqlite" else given.apis
        waves += asyncio.run(bench(shape, apis, concurrencies, given.waves, given.words, given.pause))
    given.results.parent.mkdir(parents=True, exist_ok=True)
    given.results.write_text(json.dumps([asdict(w) for w in waves], indent=1))
    print(table(waves))


if __name__ == "__main__":
    main()
