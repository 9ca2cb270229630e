"""Identifiers: a prefix that says what it names, and a UUIDv7, so that they sort by time of making."""

from uuid_utils import uuid7


def new_id(prefix: str) -> str:
    return f"{prefix}_{uuid7().hex}"
