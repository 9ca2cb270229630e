"""Signing in with a password, signing out, one's own password, and the choice of language."""

import hmac
import secrets
from typing import Annotated, get_args

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse

from recuerda.access import agents, audit
from recuerda.access.oidc import Why
from recuerda.api.auth import Running, address_of, limits_of
from recuerda.app import Recuerda
from recuerda.console.texts import COOKIE as LANGUAGE_COOKIE
from recuerda.console.web import (
    COOKIE,
    Posted,
    SignedIn,
    Visit,
    back_to,
    bare_page,
    console_router,
    page,
    see,
)
from recuerda.db import Session
from recuerda.errors import BadInput, Unauthorized
from recuerda.language import from_locale
from recuerda.models import Agent

HOME = "/console/review"
_PRE_COOKIE = "recuerda_signin"  # ties the sign-in form to this browser, before there is a session
_YEAR = 365 * 24 * 3600
router = console_router()


def is_secure(request: Request, public_url: str) -> bool:
    return request.url.scheme == "https" or public_url.startswith("https://")


@router.get("/sign-in")
async def ask(request: Request, recuerda: Running, next: str = "", sso: str = "") -> Response:
    """`sso` says why single sign-on let nobody in."""
    try:
        async with recuerda.db.read() as session:
            await agents.who(session, request.cookies.get(COOKIE))
    except Unauthorized:
        return _form(request, recuerda, next, refused=sso if sso in get_args(Why) else "")
    return RedirectResponse(back_to(next, HOME), status_code=303)


def _form(
    request: Request,
    recuerda: Running,
    next: str,
    *,
    email: str = "",
    failed: bool = False,
    refused: str = "",
) -> Response:
    token = request.cookies.get(_PRE_COOKIE) or secrets.token_urlsafe(24)
    status = 401 if failed else 200
    response = bare_page(
        request,
        "sign_in.html",
        status=status,
        csrf=token,
        next=next,
        email=email,
        failed=failed,
        refused=refused,
        sign_on=recuerda.sign_on is not None,
    )
    secure = is_secure(request, recuerda.settings.public_url)
    response.set_cookie(_PRE_COOKIE, token, path="/console", httponly=True, samesite="strict", secure=secure)
    return response


@router.post("/sign-in")
async def sign_in(
    request: Request,
    recuerda: Running,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    expected = request.cookies.get(_PRE_COOKIE, "")
    if not expected or not hmac.compare_digest(expected.encode(), csrf.encode()):
        return _form(request, recuerda, next, email=email)
    limits_of(request).sign_in(address_of(request))
    async with recuerda.db.write() as session:
        agent = await agents.check_password(session, email, password)
        token = await let_in(session, request, agent, how="password") if agent else ""
    if agent is None:
        return _form(request, recuerda, next, email=email, failed=True)
    return entered(request, recuerda, token, next)


async def let_in(session: Session, request: Request, agent: Agent, *, how: str) -> str:
    """The token of a new session, noted in the audit log with how the agent signed in."""
    token, _expires = await agents.start_session(session, agent)
    audit.note(session, actor=agent.email, action="agent.sign-in", target=how, address=address_of(request))
    return token


def entered(request: Request, recuerda: Recuerda, token: str, next: str) -> Response:
    """To where the agent wanted to go, signed in."""
    response = RedirectResponse(back_to(next, HOME), status_code=303)
    _keep(response, request, recuerda, token)
    response.delete_cookie(_PRE_COOKIE, path="/console")
    return response


def _keep(response: Response, request: Request, recuerda: Recuerda, token: str) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(agents.SESSION_LIFE.total_seconds()),
        path="/console",
        httponly=True,
        samesite="lax",
        secure=is_secure(request, recuerda.settings.public_url),
    )


@router.post("/sign-out")
async def sign_out(visit: Posted) -> Response:
    async with visit.recuerda.db.write() as session:
        await agents.end_session(session, visit.request.cookies[COOKIE])
    response = RedirectResponse("/console/sign-in", status_code=303)
    response.delete_cookie(COOKIE, path="/console")
    return response


@router.get("/me")
async def me(visit: SignedIn) -> Response:
    return await _me(visit)


async def _me(visit: Visit, *, status: int = 200, failed: str | None = None) -> Response:
    """`failed` names what was wrong with the password: wrong, differ or unfit."""
    shortest, longest = agents.MIN_PASSWORD, agents.MAX_PASSWORD
    return await page(visit, "me.html", status=status, failed=failed, shortest=shortest, longest=longest)


@router.post("/me/password")
async def change_password(
    visit: Posted,
    present: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Signs the agent out everywhere else; wrong tries count towards the lock-out, as at the sign-in."""
    limits_of(visit.request).sign_in(address_of(visit.request))
    if new != again:
        return await _me(visit, status=422, failed="differ")
    try:
        async with visit.recuerda.db.write() as session:
            agent = await agents.check_password(session, visit.agent.email, present)
            if agent:
                await agents.set_password(session, agent, new)
                token, _expires = await agents.start_session(session, agent)
                visit.note(session, "agent.change-password", target=agent.id)
    except BadInput as error:
        return await _me(visit, status=error.status, failed="unfit")
    if agent is None:
        return await _me(visit, status=422, failed="wrong")
    response = see("/console/me", done="password")
    _keep(response, visit.request, visit.recuerda, token)
    return response


@router.get("/language/{code}")
async def choose_language(request: Request, code: str, next: str = "") -> Response:
    response = RedirectResponse(back_to(next, HOME), status_code=303)
    if language := from_locale(code):
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR, path="/", samesite="lax")
    return response
