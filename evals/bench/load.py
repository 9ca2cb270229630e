"""How many turns a second, and how long a customer waits: real processes and HTTP, background work too.

    python -m evals.bench.load --shape sqlite --seconds 60 --concurrency 1,10,25,50
    python -m evals.bench.load --shape postgresql --apis 2 --seconds 60 --concurrency 50

Each customer of theirs own says something and reads the reply; the messages are those of the reply suite, in
three languages. First they go on at once, which shows how many turns a second there can be; then they come at
the pace of the goal, which shows how long each waits: with n customers who never pause nobody can wait less
than n / rate. A wait counts from when the customer was due, also when the reply before was late. Two rates:
turns answered, and turns with all their work done, for which the time to work off what is left counts too.
Writes a table, JSON and a plot, and says whether the goal is met.
"""

import argparse
import asyncio
import json
import random
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import aiohttp
import numpy as np
from evals.bench.fleet import KEY, Fleet, Proc, Shape, fleet
from sqlalchemy import text
from sqlmodel import col, func, select
from uvicorn.loops.auto import auto_loop_factory

from recuerda.db import Database
from recuerda.models import Job, JobState
from recuerda.turns.embedded.reading import SWITCHES, sure_intent

_TURNS_A_TALK = 12  # then, or when a person is called, the customer opens another conversation
_CUSTOMERS, _P95 = 50, 400.0  # the goal: so many at once, ms
_GOAL: dict[Shape, float] = {"sqlite": 40.0, "postgresql": 60.0}  # turns a second
_LEFT = 6.0  # seconds of work left at the end: no more than memories wait for each other


def messages() -> list[tuple[str, str]]:
    """(locale, text) of everything the reply suite asks, but for what turns memory off or on: with it off a
    turn costs less."""
    folder = Path(__file__).parent.parent / "datasets" / "replies"
    rows = [
        json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.open(encoding="utf-8")
    ]
    return [(row["locale"], row["message"]) for row in rows if sure_intent(row["message"]) not in SWITCHES]


@dataclass(slots=True)
class Step:
    """One concurrency's figures. Times in ms; `cpu_ms` is CPU per turn, of our processes and the stores.

    `yardstick_ms` is how long the same small sum took meanwhile: a rented machine may be half as fast for
    minutes, and then all of this takes that much longer.
    """

    concurrency: int
    offered: float | None  # turns a second the customers come with; None: each goes on at once
    turns: int
    errors: int
    seconds: float
    drain_seconds: float
    answered_a_second: float
    turns_a_second: float  # with the time to work off what was left
    p50: float
    p95: float
    p99: float
    cpu_ms: float
    stores_cpu_ms: float
    client_cpu_ms: float
    yardstick_ms: float
    rss_mb: float


class Customer:
    """Somebody who talks without pause, or once every `pause` seconds, the first time `after` so many."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        number: int,
        locale: str,
        texts: list[str],
        after: float,
        pause: float,
    ) -> None:
        self._http, self._who, self._locale, self._texts = http, f"load-{number}", locale, texts
        self._random = random.Random(number)
        self._due, self._pause = time.monotonic() + after, pause

    async def talk(self, until: float, times: list[float], errors: list[str]) -> None:
        while time.monotonic() < until:
            who = {"customer": {"external_id": self._who}, "locale": self._locale}
            async with self._http.post("/v1/conversations", json=who, raise_for_status=True) as answer:
                opened = await answer.json()
            for _ in range(_TURNS_A_TALK):
                if max(self._due if self._pause else 0.0, time.monotonic()) >= until:
                    return
                await asyncio.sleep(max(0.0, self._due - time.monotonic()))
                started = self._due if self._pause else time.monotonic()
                self._due += self._pause
                if not await self._say(opened["id"], started, times, errors):
                    break

    async def _say(self, conversation: str, started: float, times: list[float], errors: list[str]) -> bool:
        """Whether the assistant answers, and goes on to."""
        said = {"text": self._random.choice(self._texts)}
        try:
            async with self._http.post(f"/v1/conversations/{conversation}/messages", json=said) as answer:
                if answer.status != 201:
                    errors.append(str(answer.status))
                    return True
                reply = (await answer.json())["reply"]
        except (aiohttp.ClientError, TimeoutError) as error:
            errors.append(type(error).__name__)
            return True
        if reply is not None:
            times.append(time.monotonic() - started)
        return reply is not None and reply["receipt"].get("act") not in ("handoff", "waiting")


async def _drain(shop: Fleet) -> float:
    """Seconds until every job has run."""
    started = time.monotonic()
    db = Database(shop.settings.database)
    unfinished = (
        select(func.count()).select_from(Job).where(col(Job.state).in_((JobState.READY, JobState.RUNNING)))
    )
    try:
        while True:
            async with db.read() as session:
                if not (await session.exec(unfinished)).one():
                    return time.monotonic() - started
            await asyncio.sleep(0.1)
    finally:
        await db.close()


def _client(api: Proc) -> aiohttp.ClientSession:
    """httpx takes three times as long over a request; customers' own machines are not the server's."""
    return aiohttp.ClientSession(
        api.url,
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=aiohttp.ClientTimeout(60),
        connector=aiohttp.TCPConnector(limit=0),
    )


async def step(shop: Fleet, concurrency: int, seconds: float, offered: float | None = None) -> Step:
    """`concurrency` customers for so many seconds, `offered` turns a second by all of them."""
    asked = messages()
    times: list[float] = []
    errors: list[str] = []
    clients = [_client(api) for api in shop.apis]
    locales = sorted({locale for locale, _ in asked})
    customers = [
        Customer(
            clients[n % len(clients)],
            n,
            locales[n % len(locales)],
            [text for locale, text in asked if locale == locales[n % len(locales)]],
            after=n / offered if offered else 0.0,
            pause=concurrency / offered if offered else 0.0,
        )
        for n in range(concurrency)
    ]
    own, theirs, started = _own_cpu(), shop.cpu(), time.monotonic()
    pace = asyncio.create_task(_paced())
    await asyncio.gather(*(c.talk(started + seconds, times, errors) for c in customers))
    pace.cancel()
    talked, client = time.monotonic() - started, _own_cpu() - own
    drained = await _drain(shop)
    used = {name: total - theirs[name] for name, total in shop.cpu().items()}
    for http in clients:
        await http.close()
    for error in sorted(set(errors)):
        print(f"  error {error}: {errors.count(error)} times")
    turns = max(len(times), 1)
    p50, p95, p99 = (float(np.percentile(times or [0.0], q)) * 1000 for q in (50, 95, 99))
    return Step(
        concurrency=concurrency,
        offered=offered,
        turns=len(times),
        errors=len(errors),
        seconds=round(talked, 1),
        drain_seconds=round(drained, 1),
        answered_a_second=round(len(times) / talked, 1),
        turns_a_second=round(len(times) / (talked + drained), 1),
        p50=round(p50, 1),
        p95=round(p95, 1),
        p99=round(p99, 1),
        cpu_ms=round(1000 * used["recuerda"] / turns, 1),
        stores_cpu_ms=round(1000 * used["stores"] / turns, 1),
        client_cpu_ms=round(1000 * client / turns, 1),
        yardstick_ms=round(await pace, 2),
        rss_mb=round(shop.rss()),
    )


async def _paced() -> float:
    """Until cancelled: the CPU a small sum takes, measured once a second; the median, in ms."""
    taken: list[float] = []
    try:
        while True:
            started = time.thread_time()
            sum(n * n for n in range(50_000))
            taken.append(time.thread_time() - started)
            await asyncio.sleep(1)
    except asyncio.CancelledError:
        return float(np.median(taken)) * 1000


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _analyse(shop: Fleet) -> None:
    """PostgreSQL looks at tables that grew once a minute; until then it plans as for empty ones."""
    if shop.shape == "postgresql":
        db = Database(shop.settings.database)
        async with db.write() as session:
            await (await session.connection()).execute(text("ANALYZE"))
        await db.close()


async def bench(
    shape: Shape, apis: int, workers: int, concurrencies: list[int], seconds: float
) -> list[Step]:
    done = []
    async with fleet(shape, apis=apis, workers=workers) as shop:
        await step(shop, 10, min(10.0, seconds))  # models, statements and caches are warm afterwards
        await _analyse(shop)
        done += [_shown(await step(shop, concurrency, seconds)) for concurrency in concurrencies]
        done.append(paced := _shown(await step(shop, _CUSTOMERS, seconds, _GOAL[shape])))
    kept_up = paced.answered_a_second > 0.95 * _GOAL[shape] and paced.drain_seconds < _LEFT
    met = not paced.errors and paced.p95 < _P95 and kept_up
    print(
        f"{_GOAL[shape]:.0f} turns a second by {_CUSTOMERS} customers, 95 % within {_P95:.0f} ms, no error: "
        f"{'met' if met else 'not met'}"
    )
    return done


def _shown(step: Step) -> Step:
    print("  ".join(f"{name} {value}" for name, value in asdict(step).items()), flush=True)
    return step


def plot(results: dict[str, list[Step]], path: Path) -> None:
    """Latency against concurrency, a line for each shape and percentile."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (waits, rates) = plt.subplots(1, 2, figsize=(10, 4))
    for (shape, every), color in zip(results.items(), ("tab:blue", "tab:orange"), strict=False):
        steps = [s for s in every if s.offered is None]
        at = [s.concurrency for s in steps]
        waits.plot(at, [s.p50 for s in steps], "--", color=color, label=f"{shape}, half wait at most")
        waits.plot(at, [s.p95 for s in steps], "o-", color=color, label=f"{shape}, 95 % wait at most")
        rates.plot(at, [s.turns_a_second for s in steps], "o-", color=color, label=shape)
    for axis, what in (
        (waits, "ms until the whole reply"),
        (rates, "turns a second, background work included"),
    ):
        axis.set_xlabel("customers talking at once")
        axis.set_ylabel(what)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=get_args(Shape), action="append", help="both when left out")
    parser.add_argument("--apis", type=int, default=2, help="API processes with PostgreSQL")
    parser.add_argument("--workers", type=int, default=0, help="processes that only work, with PostgreSQL")
    parser.add_argument("--concurrency", default="1,5,10,25,50")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--results", type=Path, default=Path("evals/results/load"))
    given = parser.parse_args()
    concurrencies = [int(part) for part in given.concurrency.split(",")]
    results: dict[str, list[Step]] = {}
    shape: Any
    for shape in given.shape or get_args(Shape):
        print(shape)
        alone = shape == "sqlite"
        apis, workers = (1, 0) if alone else (given.apis, given.workers)
        with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
            results[shape] = runner.run(bench(shape, apis, workers, concurrencies, given.seconds))
    given.results.mkdir(parents=True, exist_ok=True)
    rows = {shape: [asdict(s) for s in steps] for shape, steps in results.items()}
    (given.results / "load.json").write_text(json.dumps(rows, indent=1))
    plot(results, given.results / "load.svg")
    print(f"{given.results / 'load.svg'}, {given.results / 'load.json'}")


if __name__ == "__main__":
    main()
