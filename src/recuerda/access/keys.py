"""API keys of the brand's servers: made, rotated, revoked, recognised.

A key reads `rcd_0123456789ab_SECRET`: the part before the secret finds its row, of the secret only the
SHA-256 is kept. That is enough for 256 random bits, which nobody can guess; a slow hash is for passwords.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlmodel import col, select

from recuerda.access.rights import Scope
from recuerda.db import Database, Session
from recuerda.errors import BadInput, Conflict, NotFound, Unauthorized
from recuerda.models import ApiKey, now

OVERLAP = timedelta(hours=24)  # how long the old secret works after a rotation
_USE_NOTED_EVERY = timedelta(hours=1)  # last_used_at is for finding forgotten keys: an hour is exact enough
_SHAPE = re.compile(r"(rcd_[0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,59}")


def looks_like_one(given: str) -> bool:
    return given.startswith("rcd_")


async def create(
    session: Session, name: str, scopes: Collection[Scope], *, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key and, this once, its whole text. Raises `BadInput`, `Conflict` when the name is taken."""
    if not _NAME.fullmatch(name):
        raise BadInput("Name the key with small letters, digits, dots and dashes, such as web-shop.")
    if not scopes:
        raise BadInput(f"Say what the key may do, with one or more of: {', '.join(Scope)}.")
    if (await session.exec(select(ApiKey.id).where(ApiKey.name == name))).first() is not None:
        raise Conflict(f"There is a key named {name} already. Choose another name, or rotate that one.")
    secret = secrets.token_urlsafe(32)
    key = ApiKey(
        id=f"rcd_{secrets.token_hex(6)}",
        name=name,
        scopes=[scope.value for scope in Scope if scope in scopes],
        secret_hash=_digest(secret),
        expires_at=expires_at,
    )
    session.add(key)
    await session.flush()
    return key, f"{key.id}_{secret}"


async def rotate(session: Session, name_or_id: str, *, overlap: timedelta = OVERLAP) -> tuple[ApiKey, str]:
    """A new secret for the key; the old one works for `overlap` longer. Raises `NotFound`, `Conflict`."""
    key = await get(session, name_or_id)
    if key.revoked_at:
        raise Conflict(f"The key {key.name} was revoked. Create another.")
    secret = secrets.token_urlsafe(32)
    key.old_hash, key.old_until = key.secret_hash, now() + overlap
    key.secret_hash = _digest(secret)
    await session.flush()
    return key, f"{key.id}_{secret}"


async def revoke(session: Session, name_or_id: str) -> ApiKey:
    """From this commit on the key opens nothing. Raises `NotFound`."""
    key = await get(session, name_or_id)
    key.revoked_at = key.revoked_at or now()
    await session.flush()
    return key


async def get(session: Session, name_or_id: str) -> ApiKey:
    column = ApiKey.id if looks_like_one(name_or_id) else ApiKey.name
    key = (await session.exec(select(ApiKey).where(column == name_or_id))).first()
    if key is None:
        raise NotFound(f"There is no key {name_or_id}. `recuerda keys list` shows those there are.")
    return key


async def every(session: Session) -> list[ApiKey]:
    return list((await session.exec(select(ApiKey).order_by(col(ApiKey.created_at)))).all())


def state(key: ApiKey) -> str:
    """In a word or a few: active, revoked, expired, or how long two secrets work."""
    if key.revoked_at:
        return "revoked"
    if key.expires_at and key.expires_at <= now():
        return "expired"
    if key.old_until and key.old_until > now():
        return f"active; the old secret until {key.old_until:%Y-%m-%d %H:%M} UTC"
    return f"active until {key.expires_at:%Y-%m-%d}" if key.expires_at else "active"


async def recognise(db: Database, given: str) -> ApiKey:
    """The key that `given` is. Raises `Unauthorized`; only who has the secret is told that it ended."""
    shape = _SHAPE.fullmatch(given)
    async with db.read() as session:
        key = await session.get(ApiKey, shape[1]) if shape else None
    if shape is None or key is None or not _is_secret_of(key, shape[2]):
        raise Unauthorized("This key is not valid.")
    if key.revoked_at:
        raise Unauthorized("This key was revoked. Ask for another.")
    if key.expires_at and key.expires_at <= now():
        raise Unauthorized("This key has expired. Ask for another.")
    if key.last_used_at is None or key.last_used_at < now() - _USE_NOTED_EVERY:
        await _note_use(db, key.id)
    return key


async def _note_use(db: Database, key_id: str) -> None:
    async with db.write() as session:
        key = await session.get_one(ApiKey, key_id)
        key.last_used_at = now()


def _is_secret_of(key: ApiKey, secret: str) -> bool:
    digest = _digest(secret)
    current = hmac.compare_digest(key.secret_hash, digest)
    old = hmac.compare_digest(key.old_hash or "", digest)
    return current or (old and key.old_until is not None and key.old_until > now())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
