"""Statements that every turn says: made and compiled once, then handed to the driver as they are.

SQLAlchemy takes ten times as long to say a statement as SQLite takes to answer it. What a turn says it
therefore says here: the statement is compiled at its first use and for each length of its lists, values and
results go through SQLAlchemy's own types, and errors come out as SQLAlchemy's own. The rest uses sessions as
ever; both are in one transaction.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

T = TypeVar("T")
Values = Mapping[str, Any]
Process = Callable[[Any], Any] | None


class Rows(list[tuple[Any, ...]]):
    """What a statement gave; of one that changes rows without returning any, `rowcount` says how many."""

    rowcount = -1
    keys: Sequence[str] = ()

    def first(self) -> tuple[Any, ...] | None:
        return self[0] if self else None

    def scalar(self) -> Any:
        """The first row's first value; None without rows."""
        return self[0][0] if self else None

    def scalars(self) -> list[Any]:
        """Each row's first value."""
        return [row[0] for row in self]

    def of(self, table: type[T]) -> list[T]:
        """Whole rows of a table as its own objects, to be read: of no session, and setting anything on one
        fails."""
        found = []
        for row in self:
            one = table.__new__(table)
            one.__dict__.update(zip(self.keys, row, strict=True))
            found.append(one)
        return found


@dataclass(frozen=True, slots=True)
class Saying:
    """A statement in the driver's words, and the values for its places."""

    sql: str
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the driver gave."""

    rows: list[tuple[Any, ...]]
    changed: int
    types: list[int] | None = None  # the driver's numbers for those of the columns, if it has any


class Form:
    """A statement in a dialect's words, for values of these names and lists of these lengths."""

    def __init__(self, statement: Any, dialect: Dialect, values: Values) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(values))
        expanded = compiled.construct_expanded_state(dict(values))
        self.sql: str = expanded.statement
        defaults = {column.key: column.default for column in compiled.insert_prefetch}
        made: dict[str, Callable[[Values], Any]] = {}
        for bind, name in compiled.bind_names.items():
            process = bind.type.dialect_impl(dialect).bind_processor(dialect)
            parts = expanded.parameter_expansion.get(name)
            if bind.key in values and parts is None:
                made[name] = _given(bind.key, process)
            elif bind.key in values:
                made |= {part: _given(bind.key, process, place) for place, part in enumerate(parts)}
            elif parts is not None:
                constants = zip(parts, bind.effective_value, strict=True)
                made |= {part: _constant(value, process) for part, value in constants}
            elif (default := defaults.get(bind.key)) is not None:
                made[name] = _default(default, process)
            else:
                made[name] = _constant(bind.effective_value, process)
        self._positions = [made[name] for name in expanded.positiontup or ()]
        columns = [] if (found := getattr(statement, "exported_columns", None)) is None else list(found)
        self.keys: list[str] = [column.key for column in columns]
        self._types = [column.type.dialect_impl(dialect) for column in columns]
        self._dialect = dialect
        self._results: list[tuple[int, Callable[[Any], Any]]] | None = None  # known with the first answer

    def bind(self, values: Values) -> Saying:
        return Saying(self.sql, tuple([value(values) for value in self._positions]))

    def read(self, answer: Answer) -> Rows:
        rows = answer.rows
        read = Rows(rows) if rows and not self._processed(answer.types) else Rows()
        if rows and self._results:
            for row in rows:
                values = list(row)
                for place, process in self._results:
                    values[place] = process(values[place])
                read.append(tuple(values))
        read.rowcount, read.keys = answer.changed, self.keys
        return read

    def _processed(self, types: Sequence[Any] | None) -> list[tuple[int, Callable[[Any], Any]]]:
        """The places whose values are not as we want them, and what makes them so."""
        if self._results is None:
            both = enumerate(zip(self._types, types or [None] * len(self._types), strict=True))
            self._results = [
                (place, process)
                for place, (ours, theirs) in both
                if (process := ours.result_processor(self._dialect, theirs))
            ]
        return self._results


def _given(key: str, process: Process, place: int | None = None) -> Callable[[Values], Any]:
    if place is not None:
        return lambda values: values[key][place] if process is None else process(values[key][place])
    if process is None:
        return lambda values: values[key]
    return lambda values: process(values[key])


def _default(default: Any, process: Process) -> Callable[[Values], Any]:
    if default.is_scalar:
        return _constant(default.arg, process)
    if process is None:
        return lambda _: default.arg(None)
    return lambda _: process(default.arg(None))


def _constant(value: Any, process: Process) -> Callable[[Values], Any]:
    bound = value if process is None else process(value)
    return lambda _: bound


_forms: "weakref.WeakKeyDictionary[Any, dict[Any, Form]]" = weakref.WeakKeyDictionary()


def form(statement: sa.Executable, dialect: Dialect, values: Values) -> Form:
    forms = _forms.setdefault(statement, {})
    shape = (
        dialect.name,
        *[(k, len(v)) if isinstance(v, (list, tuple)) else k for k, v in values.items()],
    )
    if (known := forms.get(shape)) is None:
        known = forms[shape] = Form(statement, dialect, values)
    return known
