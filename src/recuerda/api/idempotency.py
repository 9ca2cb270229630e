"""`Idempotency-Key` on POST: the same key and body make one resource, however often they are sent."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import Header
from sqlmodel import select

from recuerda.api.auth import Caller
from recuerda.db import Session
from recuerda.errors import Conflict
from recuerda.models import IdempotencyKey

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


def _fingerprint(body: Any) -> str:
    plain = body if isinstance(body, (dict, list)) else body.model_dump(mode="json")
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


class Once:
    """One POST. Ask `before()` first and `made()` last, both inside the request's write transaction."""

    def __init__(self, key: str | None, asking: Caller, path: str, body: Any) -> None:
        self._key = key
        self._scope = f"{asking.customer_id or asking.name} {path}"
        self._print = _fingerprint(body) if key else ""

    async def before(self, session: Session) -> str | None:
        """The id of what this key made already. Raises `Conflict` when it was sent with another body."""
        if self._key is None:
            return None
        query = select(IdempotencyKey).where(
            IdempotencyKey.scope == self._scope, IdempotencyKey.key == self._key
        )
        known = (await session.exec(query)).first()
        if known is None:
            return None
        if known.fingerprint != self._print:
            raise Conflict("This Idempotency-Key was used with another body. Use a new key.")
        return known.resource_id

    async def made(self, session: Session, resource_id: str, customer_id: str | None) -> None:
        if self._key is None:
            return
        session.add(
            IdempotencyKey(
                scope=self._scope,
                key=self._key,
                fingerprint=self._print,
                resource_id=resource_id,
                customer_id=customer_id,
            )
        )
        await session.flush()
