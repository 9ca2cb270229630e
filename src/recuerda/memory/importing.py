"""`recuerda import`: customers' history from JSON lines or CSV.

One memory a line: `customer` (`external_id`, `email` or `phone`), `kind`, `id`, `text`, `at`, and if wanted
`language`, `speaker`, `channel`, `data`. In CSV the customer's addresses are columns (`external_id`,
`email`, `phone`) and any further column becomes part of `data`. Importing again changes nothing, so a
stopped import is resumed by running it again: what is there is neither embedded nor written anew.
"""

import csv
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from recuerda.db import Database, Session
from recuerda.errors import BadInput, RecuerdaError
from recuerda.language import Language, detect, from_locale
from recuerda.masking import mask
from recuerda.memory import rows as sql
from recuerda.memory.service import Memories
from recuerda.memory.writing import NewMemory
from recuerda.models import Customer, IdentityKind

Resolve = Callable[[Session, Mapping[IdentityKind, str]], Awaitable[Customer]]
Enqueue = Callable[[Session, str, list[str]], Awaitable[object]]

_BATCH = 200
_ADDRESSES = (IdentityKind.EXTERNAL_ID, IdentityKind.EMAIL, IdentityKind.PHONE)
_COLUMNS = {
    "kind",
    "id",
    "text",
    "at",
    "language",
    "speaker",
    "channel",
    *(kind.value for kind in _ADDRESSES),
}
_MOST_TEXT = 20_000  # characters


@dataclass(slots=True)
class Report:
    """`bad` is the line's number, counted from 1, and what is wrong with it."""

    imported: int = 0
    unchanged: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    addresses: dict[IdentityKind, str]
    item: NewMemory


class Importer:
    """`resolve` finds or makes a customer by address; `enqueue` adds the job that indexes memories."""

    def __init__(
        self,
        db: Database,
        memories: Memories,
        resolve: Resolve,
        enqueue: Enqueue,
        otherwise: Language = "en",
    ) -> None:
        self._db, self._memories, self._otherwise = db, memories, otherwise
        self._resolve, self._enqueue = resolve, enqueue

    async def run(self, path: Path, progress: Callable[[int, int], None] | None = None) -> Report:
        """Each batch is committed as it is done. Raises BadInput when the file as a whole is no good.

        `progress` is called with how many of how many lines are done.
        """
        report = Report()
        total, done = sum(1 for _ in _records(path)), 0
        records = _records(path)
        while batch := list(islice(records, _BATCH)):
            lines = []
            for number, record in batch:
                try:
                    lines.append(self._line(number, record))
                except (BadInput, ValueError) as error:
                    report.bad.append((number, _reason(error)))
            await self._batch(lines, report)
            done += len(batch)
            if progress:
                progress(done, total)
        report.bad.sort()
        return report

    async def _batch(self, lines: Sequence[_Line], report: Report) -> None:
        owners = await self._owners(lines, report)
        for customer_id, mine in owners.items():
            async with self._db.read() as session:
                known = await sql.by_external_id(session, customer_id, [line.item for line in mine])
            items = [
                line.item
                for line in mine
                if (row := known.get((line.item.kind, line.item.external_id))) is None
                or not _says(row.text, row.at, line.item)
            ]
            report.unchanged += len(mine) - len(items)
            if items:
                vectors = await self._memories.prepare(items)
                async with self._db.write() as session:
                    ids = await self._memories.remember(session, customer_id, items, vectors)
                    await self._enqueue(session, customer_id, ids)
                report.imported += len(items)

    async def _owners(self, lines: Sequence[_Line], report: Report) -> dict[str, list[_Line]]:
        owners: dict[str, list[_Line]] = {}
        async with self._db.write() as session:
            for line in lines:
                try:
                    customer = await self._resolve(session, line.addresses)
                except RecuerdaError as error:
                    report.bad.append((line.number, error.detail))
                else:
                    owners.setdefault(customer.id, []).append(line)
        return owners

    def _line(self, number: int, record: Any) -> _Line:
        if isinstance(record, Exception):
            raise ValueError(
                "it is nested too deep" if isinstance(record, RecursionError) else "it is not JSON"
            )
        if not isinstance(record, dict):
            raise ValueError("it is not an object")
        customer = record.get("customer")
        if not isinstance(customer, dict):
            raise ValueError("`customer` must say external_id, email or phone")
        addresses = {kind: str(customer[kind.value]) for kind in _ADDRESSES if customer.get(kind.value)}
        if not addresses:
            raise ValueError("`customer` must say external_id, email or phone")
        text = _required(record, "text")
        if len(text) > _MOST_TEXT:
            raise ValueError(f"`text` is longer than {_MOST_TEXT} characters")
        data = record.get("data")
        if data is not None and not isinstance(data, dict):
            raise ValueError("`data` must be an object")
        for name in ("language", "speaker", "channel"):
            if not isinstance(record.get(name), str | None):
                raise ValueError(f"`{name}` must be text")
        _storable(record)
        item = NewMemory(
            kind=_required(record, "kind"),
            external_id=_required(record, "id"),
            text=text,
            at=_time(_required(record, "at")),
            language=from_locale(record.get("language")) or detect(text, self._otherwise),
            speaker=record.get("speaker"),
            channel=record.get("channel"),
            source="import",
            data=data,
        )
        return _Line(number, addresses, item)


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    """Line numbers and what the lines hold; a line that is no JSON comes as its error."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                reader = csv.DictReader(file)
                missing = {"kind", "id", "text", "at"} - set(reader.fieldnames or ())
                if missing:
                    raise BadInput(f"{path.name} lacks the columns {', '.join(sorted(missing))}.")
                for row in reader:
                    yield reader.line_num, _from_csv(row)
                return
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _from_json(line)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8: save it as UTF-8 first.") from error
    except csv.Error as error:
        raise BadInput(f"{path.name} is not CSV, from line {reader.line_num} on: {error}.") from error


def _from_json(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return error


def _from_csv(row: dict[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in row.items() if key and value}
    return {
        **{key: value for key, value in given.items() if key in _COLUMNS},
        "customer": {kind.value: given.get(kind.value) for kind in _ADDRESSES},
        "data": {key: value for key, value in given.items() if key not in _COLUMNS} or None,
    }


def _required(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if value is None or not str(value).strip():
        raise ValueError(f"`{name}` is missing")
    return str(value).strip()


def _storable(record: Mapping[str, Any]) -> None:
    """No database takes half of a character, nor PostgreSQL a NUL or a number that is none."""
    try:
        text = json.dumps(record, allow_nan=False, ensure_ascii=False)
        text.encode()
    except ValueError:
        raise ValueError("it holds a broken character, NaN or an infinite number") from None
    if "\\u0000" in text:
        raise ValueError("it holds a NUL character")


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("`at` is not a time such as 2026-11-22T10:00:00Z") from None


def _says(text: str, at: datetime, item: NewMemory) -> bool:
    return text == mask(item.text) and sql.aware(at) == item.at


def _reason(error: Exception) -> str:
    return error.detail if isinstance(error, RecuerdaError) else str(error)
