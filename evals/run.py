"""`recuerda eval`: run suites, print a table, write results.json and report.html, judge by suites.toml."""

import asyncio
import json
import logging
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from evals import report
from evals.tasks import Failure, Ratio, Result, Sample, Task
from evals.tasks.extraction import TASK as EXTRACTION
from evals.tasks.journey import TASK as JOURNEY
from evals.tasks.knowledge import TASK as KNOWLEDGE
from evals.tasks.recall import TASK as RECALL
from evals.tasks.replies import TASK as REPLIES
from evals.tasks.updates import TASK as UPDATES
from evals.tasks.world import EngineName, World, open_world
from recuerda import __version__
from recuerda.errors import BadInput, RecuerdaError
from recuerda.meter import metering
from recuerda.settings import Settings

SUITES = {task.name: task for task in (EXTRACTION, UPDATES, RECALL, REPLIES, KNOWLEDGE, JOURNEY)}
COMPLETED = "completed"  # shown, and missed, when a sample could not be tried
_THRESHOLDS = Path(__file__).with_name("suites.toml")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a suite came to. `metrics`: name -> "all" and each language -> (value, of how many)."""

    name: str
    about: str
    samples: int
    seconds: float
    metrics: Mapping[str, Mapping[str, tuple[float, float]]]
    thresholds: Mapping[str, float]
    failures: Sequence[Result]

    def passed(self, metric: str) -> bool:
        return self.metrics[metric]["all"][0] >= self.thresholds.get(metric, 0.0)

    @property
    def missed(self) -> list[str]:
        return [name for name in self.thresholds if name not in self.metrics or not self.passed(name)]


def main(suites: Sequence[str], engine: EngineName = "embedded", out: Path = Path("evals/results")) -> int:
    """0 when every threshold is met, else 1. No suite named means all of them."""
    if unknown := [name for name in suites if name not in SUITES]:
        raise BadInput(f"There is no suite {unknown[0]!r}. There are: {', '.join(SUITES)}.")
    logging.getLogger("recuerda").setLevel(logging.ERROR)  # erasures void the jobs they overtake; no news
    console = Console()
    started = time.perf_counter()
    tasks = [SUITES[name] for name in suites or SUITES]
    with metering() as calls:
        outcomes = asyncio.run(_run(tasks, engine, _thresholds(engine), console))
    seconds = time.perf_counter() - started
    console.print(report.table(outcomes))
    out.mkdir(parents=True, exist_ok=True)
    written = {
        "version": __version__,
        "engine": engine,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "passed": not any(outcome.missed for outcome in outcomes),
        "suites": {outcome.name: _plain(outcome) for outcome in outcomes},
    }
    (out / "results.json").write_text(json.dumps(written, ensure_ascii=False, indent=1), "utf-8")
    if calls:
        report.write_calls(out / "calls.csv", calls, Settings())
    (out / "report.html").write_text(report.page(outcomes, written), "utf-8")
    console.print(f"{seconds:.0f} s. Read the failures in {out / 'report.html'}")
    for outcome in outcomes:
        for metric in outcome.missed:
            console.print(f"[red]{outcome.name}: {metric} is below {outcome.thresholds[metric]}[/]")
    return 0 if written["passed"] else 1


async def _run(
    tasks: Sequence[Task], engine: EngineName, thresholds: Mapping[str, Mapping[str, float]], console: Console
) -> list[Outcome]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        opening = progress.add_task("opening the shop", total=None)
        async with open_world(engine) as world:
            progress.remove_task(opening)
            return [await run_task(task, world, progress, thresholds.get(task.name, {})) for task in tasks]


async def run_task(task: Task, world: World, progress: Progress, thresholds: Mapping[str, float]) -> Outcome:
    samples = task.dataset()
    bar = progress.add_task(task.name, total=len(samples))
    slots = asyncio.Semaphore(task.at_once if world.recuerda.engine.name == "embedded" else 1)
    started = time.perf_counter()

    async def attempt(sample: Sample) -> Result:
        async with slots:
            try:
                result = task.score(sample, await task.solve(world, sample))
            except (RecuerdaError, httpx.HTTPError, TimeoutError) as error:
                failure = Failure(sample.id, "an answer", f"{type(error).__name__}: {error}")
                result = Result(sample.id, sample.language, {COMPLETED: (0.0, 1.0)}, failure)
        progress.advance(bar)
        return result

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(attempt(sample)) for sample in samples]
    results = [one.result() for one in running]
    return Outcome(
        task.name,
        task.about,
        len(results),
        time.perf_counter() - started,
        totals(results),
        {**thresholds, COMPLETED: 1.0} if any(COMPLETED in r.metrics for r in results) else thresholds,
        [result for result in results if result.failure],
    )


def totals(results: Iterable[Result]) -> dict[str, dict[str, tuple[float, float]]]:
    """Every metric over all samples and over each language's."""
    sums: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for result in results:
        for metric, ratio in result.metrics.items():
            for group in ("all", result.language):
                _add(sums[metric][group], ratio)
    return {
        metric: {group: (right / of if of else 1.0, of) for group, (right, of) in groups.items()}
        for metric, groups in sums.items()
    }


def _add(total: list[float], ratio: Ratio) -> None:
    total[0] += ratio[0]
    total[1] += ratio[1]


def _thresholds(engine: EngineName) -> dict[str, dict[str, float]]:
    with _THRESHOLDS.open("rb") as file:
        found: dict[str, dict[str, dict[str, float]]] = tomllib.load(file)
    return found.get(engine, {})


def _plain(outcome: Outcome) -> dict[str, Any]:
    return {
        "samples": outcome.samples,
        "seconds": round(outcome.seconds, 2),
        "metrics": {
            metric: {group: round(value, 4) for group, (value, _) in groups.items()}
            for metric, groups in outcome.metrics.items()
        },
        "thresholds": dict(outcome.thresholds),
        "missed": outcome.missed,
        "failures": [
            {"id": r.id, "language": r.language, **asdict(r.failure)} for r in outcome.failures if r.failure
        ],
    }
