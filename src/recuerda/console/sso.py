"""Single sign-on: to the provider of identities and back, for the browser that set out."""

import hmac
import logging
from dataclasses import asdict
from datetime import timedelta

import jwt
from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from recuerda.access import oidc
from recuerda.access.oidc import Begun, NotAdmitted, SignOn
from recuerda.api.auth import Running, address_of, limits_of
from recuerda.app import Recuerda
from recuerda.console.signin import HOME, entered, is_secure, let_in
from recuerda.console.web import address, back_to, console_router
from recuerda.errors import NotFound, SetupError
from recuerda.models import now

log = logging.getLogger(__name__)

_COOKIE = "recuerda_sso"  # what was begun, signed; sent back to this path only
_PATH = "/console/sign-in/sso"
_LIFE = timedelta(minutes=10)
_AUDIENCE = "recuerda-sso"
_LONGEST = 1000  # of a place to return to: browsers drop a cookie of 4 kB
router = console_router()


# A link, not a form: `form-action 'self'` in our CSP would stop a form's redirect to the provider.
@router.get("/sign-in/sso")
async def begin(request: Request, recuerda: Running, next: str = "") -> Response:
    sign_on = _sign_on(recuerda)
    limits_of(request).sign_in(address_of(request))
    next = back_to(next, HOME) if len(next) < _LONGEST else HOME
    try:
        url, begun = await sign_on.begin()
    except (NotAdmitted, SetupError) as error:
        return _refused(error, next)
    response = RedirectResponse(url, status_code=303)
    response.set_cookie(
        _COOKIE,
        _sealed(recuerda, begun, next),
        max_age=int(_LIFE.total_seconds()),
        path=_PATH,
        httponly=True,
        samesite="lax",  # strict would not be sent on the way back, which begins at the provider
        secure=is_secure(request, recuerda.settings.public_url),
    )
    return response


@router.get("/sign-in/sso/callback")
async def finish(
    request: Request, recuerda: Running, state: str = "", code: str = "", error: str = ""
) -> Response:
    sign_on = _sign_on(recuerda)
    limits_of(request).sign_in(address_of(request))
    next = ""
    try:
        begun, next = _opened(recuerda, request.cookies.get(_COOKIE, ""))
        if not hmac.compare_digest(begun.state.encode(), state.encode()):
            raise NotAdmitted("stale", "The answer is to another request than this browser's.")
        if error or not code:
            raise NotAdmitted("declined", "The provider let the person not in, or was left.")
        claims = await sign_on.finish(begun, code)
        async with recuerda.db.write() as session:
            agent = await oidc.admit(session, claims, recuerda.settings)
            token = await let_in(session, request, agent, how="single sign-on")
    except (NotAdmitted, SetupError) as refusal:
        return _refused(refusal, next)
    response = entered(request, recuerda, token, next)
    response.delete_cookie(_COOKIE, path=_PATH)
    return response


def _sign_on(recuerda: Recuerda) -> SignOn:
    if recuerda.sign_on is None:
        raise NotFound("")
    return recuerda.sign_on


def _sealed(recuerda: Recuerda, begun: Begun, next: str) -> str:
    claims = {**asdict(begun), "next": next, "aud": _AUDIENCE, "exp": now() + _LIFE}
    return jwt.encode(claims, recuerda.secrets[0], algorithm="HS256")


def _opened(recuerda: Recuerda, sealed: str) -> tuple[Begun, str]:
    """What this browser began, and where it wanted to go."""
    try:
        kept = jwt.decode(
            sealed,
            recuerda.secrets[0],
            algorithms=["HS256"],
            audience=_AUDIENCE,
            options={"require": ["exp", "aud"]},
        )
    except jwt.InvalidTokenError as error:
        raise NotAdmitted("stale", "This browser began no sign-in in the last minutes.") from error
    return Begun(kept["state"], kept["nonce"], kept["code_verifier"]), kept["next"]


def _refused(error: NotAdmitted | SetupError, next: str) -> Response:
    """To the sign-in page, which says why in a few words; the log has the rest."""
    log.warning("single sign-on: %s", error.detail)
    why = error.why if isinstance(error, NotAdmitted) else "unavailable"
    response = RedirectResponse(address("/console/sign-in", sso=why, next=next), status_code=303)
    response.delete_cookie(_COOKIE, path=_PATH)
    return response
