"""OpenTelemetry traces, with the conventions for generative AI: model, tokens and times, never content.

Optional: without an endpoint nothing is loaded and a span costs nothing.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from recuerda import __version__
from recuerda.errors import SetupError
from recuerda.settings import Settings

_tracer: Any = None  # an opentelemetry Tracer once traces are on


def set_up(settings: Settings) -> None:
    """Sends traces to OTLP_ENDPOINT (gRPC) when that is given. Raises SetupError without the packages."""
    if not settings.otlp_endpoint:
        return
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SetupError(
            "OTLP_ENDPOINT is set, but OpenTelemetry is not installed: pip install 'recuerda[otel]'."
        ) from error
    provider = TracerProvider(
        resource=Resource.create({"service.name": "recuerda", "service.version": __version__})
    )
    insecure = not settings.otlp_endpoint.startswith("https://")
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint, insecure=insecure))
    )
    use(provider)


def use(provider: Any) -> None:
    """Trace with this provider from now on; None turns tracing off."""
    global _tracer
    _tracer = provider.get_tracer("recuerda", __version__) if provider else None


class Span:
    """What is noted about a piece of work; goes nowhere when traces are off."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def note(self, **facts: str | int | float | bool) -> None:
        """Attributes; `__` in a name stands for a dot."""
        if self._span is not None:
            for name, value in facts.items():
                self._span.set_attribute(name.replace("__", "."), value)

    def failed(self, error: BaseException) -> None:
        """The error's type: its text may quote a customer."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(Status(StatusCode.ERROR))


@contextlib.contextmanager
def span(name: str, **facts: str | int | float | bool) -> Iterator[Span]:
    """A piece of work as a span of the trace."""
    if _tracer is None:
        yield Span()
        return
    with _tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as inner:
        made = Span(inner)
        made.note(**facts)
        try:
            yield made
        except Exception as error:
            made.failed(error)
            raise


def client_span(name: str) -> Span:
    """A span of its own that the caller ends with `end`: for streams, whose code runs between yields."""
    if _tracer is None:
        return Span()
    from opentelemetry.trace import SpanKind

    return Span(_tracer.start_span(name, kind=SpanKind.CLIENT))


def end(made: Span) -> None:
    if made._span is not None:
        made._span.end()
