"""Logs, metrics and traces tell what happens, and nothing that a customer said."""

import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from recuerda.errors import Unavailable
from recuerda.llm import ChatMessage
from recuerda.settings import Settings
from recuerda.telemetry import logs, traces
from tests.conftest import Shop, run_shop
from tests.fakes import FakeModel
from tests.test_llm import OpenAIServer, model_at, server

__all__ = ["server"]
CANARY = "xilofagonia"


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Every log line as JSON."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Keep(logging.DEBUG)
    handler.setFormatter(logs.JSONFormatter())
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    root.setLevel(before)


async def test_no_log_line_holds_a_customers_words(settings: Settings, written: list[str]) -> None:
    model = FakeModel(f"Claro, {CANARY}.", Unavailable("away"), RuntimeError(f"cannot say {CANARY}"))
    async with run_shop(settings.model_copy(update={"engine": "llm"}), model=model) as shop:
        conversation = await shop.open()
        for _ in range(2):
            await shop.say(conversation, f"Hola, uso talla 42 y me llamo {CANARY}")
        failed = await shop.http.post(
            f"/v1/conversations/{conversation}/messages", json={"text": f"Otra vez, {CANARY}"}
        )
        assert failed.status_code == 503
        await shop.http.get(f"/v1/customers?email={CANARY}@example.com")
        await shop.http.post("/v1/conversations", json={"customer": {"nombre": CANARY}})
        await shop.settle(conversation, 30)
    assert any("RuntimeError" in line for line in written)
    assert not [line for line in written if CANARY in line]


async def test_a_line_says_which_request_and_conversation(shop: Shop, written: list[str]) -> None:
    conversation = await shop.open()
    answer = await shop.http.post(
        f"/v1/conversations/{conversation}/messages",
        json={"text": "Hola"},
        headers={"X-Request-ID": "abc-1"},
    )
    assert answer.headers["X-Request-ID"] == "abc-1"
    [line] = [json.loads(line) for line in written if '"request_id": "abc-1"' in line and '"ms"' in line]
    assert line["status"] == 201
    assert line["conversation_id"] == conversation
    assert line["route"] == "/v1/conversations/{conversation_id}/messages"
    odd = await shop.http.get("/healthz", headers={"X-Request-ID": 'a" b'})
    assert odd.headers["X-Request-ID"] != 'a" b'


def test_an_exceptions_text_is_not_logged() -> None:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as inner:
            raise ValueError(CANARY) from inner
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "it failed", None, (type(error), error, None))
    for formatter in (logs.JSONFormatter(), logs.TextFormatter()):
        line = formatter.format(record)
        assert CANARY not in line
        assert "ValueError" in line
        assert "KeyError" in line


async def test_metrics_count_turns_stages_jobs_and_tokens(settings: Settings, server: OpenAIServer) -> None:
    server.say = "Claro que sí."
    model = model_at(server)
    async with run_shop(settings.model_copy(update={"engine": "llm"}), model=model) as shop:
        conversation = await shop.open()
        before = (await shop.http.get("/metrics")).text
        await shop.say(conversation, f"Hola {CANARY}")
        await shop.settle(conversation)
        after = (await shop.http.get("/metrics")).text

    def value(text: str, name: str) -> float:
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    for name in (
        'recuerda_turns_total{engine="llm",outcome="answered"}',
        'recuerda_stage_seconds_count{stage="recall"}',
        'recuerda_stage_seconds_count{stage="reply"}',
        'recuerda_llm_calls_total{outcome="ok",purpose="reply"}',
    ):
        assert value(after, name) == value(before, name) + 1, name
    assert value(after, 'recuerda_llm_tokens_total{direction="input",purpose="reply"}') > 100
    assert value(after, 'recuerda_jobs{kind="learn",state="done"}') == 1
    assert CANARY not in after
    assert conversation not in after


async def test_a_turn_is_a_trace_with_the_models_call_in_it(settings: Settings, server: OpenAIServer) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    traces.use(provider)
    try:
        async with run_shop(settings.model_copy(update={"engine": "llm"}), model=model_at(server)) as shop:
            await shop.say(await shop.open(), f"Hola {CANARY}")
        spans = {span.name: span for span in kept.get_finished_spans()}
    finally:
        traces.use(None)
    turn, recall, call = spans["turn"], spans["recall"], spans["chat small"]
    assert turn.context
    assert recall.parent
    assert call.parent
    assert recall.parent.span_id == call.parent.span_id == turn.context.span_id
    told = dict(call.attributes or {})
    assert told["gen_ai.request.model"] == "small"
    assert told["gen_ai.system"] == "openai"
    assert isinstance(told["gen_ai.usage.input_tokens"], int)
    assert CANARY not in "".join(span.to_json() for span in kept.get_finished_spans())


async def test_a_failed_call_is_a_failed_span(server: OpenAIServer) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    traces.use(provider)
    server.failures = 9
    try:
        with pytest.raises(Unavailable):
            async for _ in model_at(server, llm_retries=0).stream([ChatMessage("user", "Hola")]):
                pass
    finally:
        traces.use(None)
    [span] = kept.get_finished_spans()
    assert not span.status.is_ok
    assert (span.attributes or {})["error.type"]
    assert not span.events  # an exception's text may quote a customer
