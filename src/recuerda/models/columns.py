"""How columns are made: names for every constraint, ids, choices, JSON and long text on both databases."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from recuerda.ids import new_id

# Names for every constraint, so that migrations can speak of them.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def now() -> datetime:
    return datetime.now(UTC)


def new_key(prefix: str) -> Any:
    return Field(default_factory=lambda: new_id(prefix), primary_key=True)


def choice(values: type[StrEnum]) -> Any:
    return sa.Enum(values, native_enum=False, length=20, values_callable=lambda e: [v.value for v in e])


def json_column() -> Any:
    return sa.JSON().with_variant(JSONB(), "postgresql")


def text_column() -> Any:
    return sa.Text()
