"""Counts and times for Prometheus: never words, ids or addresses."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Counter("recuerda_requests", "HTTP requests.", ["method", "route", "status"], registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "recuerda_request_seconds", "Seconds to the first byte.", ["route"], buckets=_SECONDS, registry=REGISTRY
)
TURNS = Counter(
    "recuerda_turns",
    "Replies written, by engine; `answered` or `fallback`, when the embedded engine stood in.",
    ["engine", "outcome"],
    registry=REGISTRY,
)
STAGE_SECONDS = Histogram(
    "recuerda_stage_seconds",
    "Seconds of each stage of a turn: context, recall, knowledge, hear, reply, save; and of learning.",
    ["stage"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
JOBS = Gauge("recuerda_jobs", "Jobs by kind and state.", ["kind", "state"], registry=REGISTRY)
LLM_CALLS = Counter(
    "recuerda_llm_calls",
    "Calls of the model, by purpose and outcome.",
    ["purpose", "outcome"],
    registry=REGISTRY,
)
LLM_TOKENS = Counter(
    "recuerda_llm_tokens",
    "Tokens of the model, `input` or `output`.",
    ["purpose", "direction"],
    registry=REGISTRY,
)
LLM_SECONDS = Histogram(
    "recuerda_llm_seconds", "Seconds of a call of the model, to its end.", ["purpose"], registry=REGISTRY
)


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        took = name, time.perf_counter() - started
        if (relay := _relay.get()) is None:
            observe([took])
        else:
            relay.append(took)


def observe(stages: Iterable[tuple[str, float]]) -> None:
    for name, seconds in stages:
        STAGE_SECONDS.labels(name).observe(seconds)


_relay: ContextVar[list[tuple[str, float]] | None] = ContextVar("relay", default=None)


@contextlib.contextmanager
def relayed() -> Iterator[list[tuple[str, float]]]:
    """The stages inside are for another process to count."""
    stages: list[tuple[str, float]] = []
    token = _relay.set(stages)
    try:
        yield stages
    finally:
        _relay.reset(token)
