"""Logs, as text or as a JSON object a line: what happened, in which request and conversation.

An error's own text may quote a customer (a database names the values it refused), so of an exception only
the types and the places are written.
"""

import contextlib
import json
import logging
import re
import secrets
import sys
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from recuerda.settings import Settings

_about: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


@contextlib.contextmanager
def about(**ids: str | None) -> Iterator[None]:
    """What is logged inside is about these: `request_id`, `conversation_id`, `job_id`."""
    known = {name: value for name, value in ids.items() if value}
    token = _about.set({**(_about.get() or {}), **known})
    try:
        yield
    finally:
        _about.reset(token)


def note(**ids: str) -> None:
    """The same, for the rest of what is `about` something now."""
    if (known := _about.get()) is not None:
        known.update(ids)


def request_id(given: str | None) -> str:
    """The caller's own id of its request when it is a harmless one, else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


class _Wordless(logging.Formatter):
    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's name
        error, lines = ei[1], list[str]()
        while error is not None:
            frames = traceback.extract_tb(error.__traceback__ if lines else ei[2])
            places = "".join(f'\n  File "{f.filename}", line {f.lineno}, in {f.name}' for f in frames)
            lines.append(f"{type(error).__name__}{places}")
            error = error.__cause__ or error.__context__
        return "\nafter ".join(lines)


class TextFormatter(_Wordless):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        ids = " ".join(f"{name}={value}" for name, value in (_about.get() or {}).items())
        return super().formatMessage(record) + (f" [{ids}]" if ids else "")


class JSONFormatter(_Wordless):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(_about.get() or {}),
            **getattr(record, "figures", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


# At their finer levels these write SQL parameters, addresses and bodies, which are customers' words.
_TALKATIVE = (
    "aiosqlite",
    "sqlalchemy",
    "httpx",
    "httpcore",
    "httpx2",
    "httpcore2",
    "openai",
    "twilio",
    "chromadb",
    "alembic",
    "authlib",
    "uvicorn.access",
)


def quieten() -> None:
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def set_up(settings: Settings) -> None:
    """Logs to standard error, once a process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter() if settings.log_format == "json" else TextFormatter())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    quieten()
