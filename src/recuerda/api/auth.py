"""Who is asking: the brand's server with a key, or one customer with a short-lived token."""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Annotated

import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from recuerda import customers
from recuerda.app import Recuerda
from recuerda.errors import Forbidden, NotFound, Unauthorized
from recuerda.models import now

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

    def may_reach(self, customer_id: str) -> None:
        if self.customer_id is not None and customer_id not in (self.customer_id, self.formerly):
            raise Forbidden("This token is for another customer.")


def recuerda_of(request: Request) -> Recuerda:
    running: Recuerda = request.app.state.recuerda
    return running


Running = Annotated[Recuerda, Depends(recuerda_of)]


def make_token(secret: str, customer_id: str, life: timedelta = TOKEN_LIFE) -> tuple[str, datetime]:
    """A token that speaks for this customer only, and when it ends."""
    expires = now() + life
    claims = {"sub": customer_id, "aud": _AUDIENCE, "exp": expires, "jti": secrets.token_hex(8)}
    return jwt.encode(claims, secret, algorithm="HS256"), expires


def _customer_of(secret: str, token: str) -> str:
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=_AUDIENCE,
            options={"require": ["sub", "exp", "aud"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise Unauthorized("This token has expired. Ask the brand's server for a new one.") from error
    except jwt.InvalidTokenError as error:
        raise Unauthorized("This key or token is not valid.") from error
    return str(claims["sub"])


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


async def caller(
    request: Request,
    recuerda: Running,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    if credentials is None:
        if _is_newcomer(request):
            return Caller("demo")
        raise Unauthorized(
            "Send `Authorization: Bearer KEY`, with a key of RECUERDA_API_KEYS or a customer's token."
        )
    given = credentials.credentials
    for number, key in enumerate(recuerda.settings.api_keys, 1):
        if hmac.compare_digest(key.get_secret_value().encode(), given.encode()):
            return Caller(f"key {number}")
    claimed = _customer_of(recuerda.secret, given)
    async with recuerda.db.read() as session:
        try:
            current = (await customers.get(session, claimed)).id  # follows merges
        except NotFound:
            current = claimed  # erased: may still read the receipt of that
    return Caller("customer", current, claimed)


AnyCaller = Annotated[Caller, Depends(caller)]


def brand(asking: AnyCaller) -> Caller:
    if asking.customer_id is not None:
        raise Forbidden("A customer's token cannot do this; use an API key.")
    return asking


Brand = Annotated[Caller, Depends(brand)]
