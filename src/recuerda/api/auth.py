"""Who is asking, and may they: the brand's server with a key, or one customer with a short-lived token.

Every endpoint says which scope a key needs by the type of its `asking`: `MayRead`, or `BrandMayRead` where
a customer's token is not enough. Who is asking is known before anything of the body is read.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Any

import jwt
from fastapi import APIRouter, Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from recuerda import customers
from recuerda.access import audit, keys
from recuerda.access.limits import Limits
from recuerda.access.rights import EVERY_SCOPE, Scope
from recuerda.app import Recuerda
from recuerda.db import Session
from recuerda.errors import Forbidden, NotFound, Unauthorized
from recuerda.models import Customer, now

TOKEN_LIFE = timedelta(hours=1)
_AUDIENCE = "recuerda-customer"
# The header as it was sent: what a server makes of an odd one may look local.
_LOCAL_HOST = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?")
_bearer = HTTPBearer(auto_error=False, description="An API key, or a customer's token.")


@dataclass(frozen=True, slots=True)
class Caller:
    """`customer_id` is set for a customer's token: that customer and nobody else can be reached."""

    name: str
    customer_id: str | None = None
    formerly: str | None = None  # the id in the token, when that customer was merged into another since
    scopes: frozenset[Scope] = EVERY_SCOPE
    address: str | None = None  # where a brand's server called from

    def may_reach(self, customer_id: str) -> None:
        if self.customer_id is not None and customer_id not in (self.customer_id, self.formerly):
            raise Forbidden("This token is for another customer.")

    async def reach(self, session: Session, customer_id: str) -> Customer:
        """The customer, when this caller may reach them."""
        self.may_reach(customer_id)
        return await customers.get(session, customer_id)

    def require(self, scope: Scope) -> None:
        if scope not in self.scopes:
            raise Forbidden(f"This key may not do this: it needs the scope `{scope}`.", scope=scope)

    def note(
        self, session: Session, action: str, customer_id: str | None = None, target: str | None = None
    ) -> None:
        """Add what this caller does to the audit log, in the transaction that does it."""
        audit.note(
            session,
            actor=self.name,
            action=action,
            customer_id=customer_id,
            target=target,
            address=self.address,
        )


def recuerda_of(request: Request) -> Recuerda:
    running: Recuerda = request.app.state.recuerda
    return running


Running = Annotated[Recuerda, Depends(recuerda_of)]


def limits_of(request: Request) -> Limits:
    limits: Limits = request.app.state.limits
    return limits


def address_of(request: Request) -> str | None:
    """Behind a proxy uvicorn has put the client's here, if FORWARDED_ALLOW_IPS names the proxy."""
    return request.client.host if request.client else None


def make_token(secret: str, customer_id: str, life: timedelta = TOKEN_LIFE) -> tuple[str, datetime]:
    """A token that speaks for this customer only, and when it ends."""
    expires = now() + life
    claims = {"sub": customer_id, "aud": _AUDIENCE, "exp": expires, "jti": secrets.token_hex(8)}
    return jwt.encode(claims, secret, algorithm="HS256"), expires


def _customer_of(secrets: tuple[str, ...], token: str) -> str:
    for number, secret in enumerate(secrets, 1):
        try:
            claims = jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                audience=_AUDIENCE,
                options={"require": ["sub", "exp", "aud"]},
            )
            return str(claims["sub"])
        except jwt.ExpiredSignatureError as error:
            raise Unauthorized("This token has expired. Ask the brand's server for a new one.") from error
        except jwt.InvalidTokenError as error:
            if number == len(secrets):
                raise Unauthorized("This key or token is not valid.") from error
    raise Unauthorized("This key or token is not valid.")


def is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address((host or "").strip("[]")).is_loopback
    except ValueError:
        return False


def _is_newcomer(request: Request) -> bool:
    """The demo without keys serves whoever sits at this machine, and no web page of somebody else's.

    The Host header is checked against DNS rebinding, the Origin and Sec-Fetch-Site ones against pages.
    """
    if not request.app.state.open_to_loopback:
        return False
    client = request.client.host if request.client else None
    same_site = request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    return (
        is_loopback(client)
        and _LOCAL_HOST.fullmatch(request.headers.get("host", "")) is not None
        and same_site
        and (
            "origin" not in request.headers or request.headers["origin"] == str(request.base_url).rstrip("/")
        )
    )


class _Route(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            request.state.asking = await _asking(request)  # FastAPI reads the body before any dependency
            return await handle(request)

        return handled


def api_router(prefix: str, *, tag: str) -> APIRouter:
    """For endpoints that all need a key or a token."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=_Route)


async def _asking(request: Request) -> Caller:
    credentials = await _bearer(request)
    if credentials is not None:
        return await _known(request, recuerda_of(request), credentials.credentials)
    if _is_newcomer(request):
        return Caller("demo")
    limits_of(request).address(address_of(request))
    raise Unauthorized("Send `Authorization: Bearer KEY`, with an API key or a customer's token.")


async def caller(
    request: Request,
    _credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],  # for the OpenAPI
    needed: SecurityScopes,
) -> Caller:
    """Raises `Unauthorized` for nobody, `Forbidden` when a key's scopes do not allow this, `TooMany`."""
    asking: Caller = request.state.asking
    for scope in needed.scopes:
        asking.require(Scope(scope))
    return asking


async def _known(request: Request, recuerda: Recuerda, given: str) -> Caller:
    limits, address = limits_of(request), address_of(request)
    for number, key in enumerate(recuerda.settings.api_keys, 1):
        if hmac.compare_digest(key.get_secret_value().encode(), given.encode()):
            limits.key.count(f"key {number}")
            return Caller(f"key {number}", address=address)
    if keys.looks_like_one(given):
        try:
            known = await keys.recognise(recuerda.db, given)
        except Unauthorized:
            limits.address(address)
            raise
        limits.key.count(known.id)
        scopes = frozenset(scope for scope in Scope if scope in known.scopes)
        return Caller(f"key {known.name}", scopes=scopes, address=address)
    limits.address(address)
    claimed = _customer_of(recuerda.secrets, given)
    async with recuerda.db.read() as session:
        try:
            current = (await customers.get(session, claimed)).id  # follows merges
        except NotFound:
            current = claimed  # erased: may still read the receipt of that
    limits.customer.count(current)
    return Caller("customer", current, claimed)


def brand(asking: Annotated[Caller, Depends(caller)]) -> Caller:
    if asking.customer_id is not None:
        raise Forbidden("A customer's token cannot do this; use an API key.")
    return asking


# A key with the scope, or a customer's token, which reaches that customer only:
MayChat = Annotated[Caller, Security(caller, scopes=[Scope.CHAT])]
MayRead = Annotated[Caller, Security(caller, scopes=[Scope.READ])]
MayWrite = Annotated[Caller, Security(caller, scopes=[Scope.WRITE])]
MayAdminister = Annotated[Caller, Security(caller, scopes=[Scope.ADMIN])]
# A key with the scope:
BrandMayChat = Annotated[Caller, Security(brand, scopes=[Scope.CHAT])]
BrandMayIssueTokens = Annotated[Caller, Security(brand, scopes=[Scope.TOKENS])]
BrandMayRead = Annotated[Caller, Security(brand, scopes=[Scope.READ])]
BrandMayWrite = Annotated[Caller, Security(brand, scopes=[Scope.WRITE])]
BrandMayTendKnowledge = Annotated[Caller, Security(brand, scopes=[Scope.KNOWLEDGE])]
BrandMayAdminister = Annotated[Caller, Security(brand, scopes=[Scope.ADMIN])]
