"""The kinds of values that may come in, and what all bodies and lists have in common."""

import json
import re
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from recuerda.language import LANGUAGES, from_locale

T = TypeVar("T")
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


def _known_locale(value: str) -> str:
    if not _LOCALE.fullmatch(value) or from_locale(value) is None:
        raise ValueError(f"unknown locale; use one in {', '.join(LANGUAGES)}, such as es-CO, or leave it out")
    return value.replace("_", "-")


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("NUL characters cannot be stored; leave them out")
    return value


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    """What every database takes as JSON: PostgreSQL knows no NUL, no NaN and no half of a character."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError):
        raise ValueError("holds NaN, an infinite number, a broken character or is nested too deep") from None
    if "\\u0000" in text:
        raise ValueError("NUL characters cannot be stored; leave them out")
    return value


def _within_reach(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("give the offset too, as in 2026-11-22T10:00:00Z")
    if not 1900 <= value.year <= 2200:
        raise ValueError("give a year between 1900 and 2200")
    return value


def _web_address(value: str) -> str:
    if not re.match(r"(https?://|/(?!/))", value):
        raise ValueError("give a web address: https://..., or a path of your site: /...")
    return value


Data = Annotated[dict[str, Any], AfterValidator(_storable)]
Moment = Annotated[datetime, AfterValidator(_within_reach)]
Locale = Annotated[str, AfterValidator(_known_locale), Field(max_length=35)]
Line = Annotated[str, AfterValidator(_without_nul), Field(min_length=1, max_length=300)]
Text = Annotated[str, AfterValidator(_without_nul), Field(min_length=1, max_length=20_000)]
LongText = Annotated[str, AfterValidator(_without_nul), Field(min_length=1, max_length=500_000)]
WebAddress = Annotated[Line, AfterValidator(_web_address)]


class Incoming(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Page(BaseModel, Generic[T]):
    """Give `next_cursor` back as `cursor` for what follows; null at the end."""

    items: list[T]
    next_cursor: str | None = None
