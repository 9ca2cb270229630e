"""What every page of the console shares: who is signed in, templates, errors as pages, CSRF."""

import hmac
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from fastapi.security import SecurityScopes
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from recuerda.access import agents, audit
from recuerda.access.rights import Right
from recuerda.api.auth import address_of, limits_of, recuerda_of
from recuerda.app import Recuerda
from recuerda.console import waiting
from recuerda.console.texts import Words, language_of, texts
from recuerda.db import Session
from recuerda.errors import BadInput, Forbidden, RecuerdaError, Unauthorized
from recuerda.language import LANGUAGES
from recuerda.models import Agent

log = logging.getLogger(__name__)

COOKIE = "recuerda_agent"
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class NotForThisRole(Forbidden):
    """The agent is known, and may not do this."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a signed-in agent."""

    request: Request
    recuerda: Recuerda
    agent: Agent
    csrf: str
    t: Words

    @property
    def rights(self) -> frozenset[Right]:
        return agents.rights(self.agent)

    def require(self, right: Right) -> None:
        if right not in self.rights:
            raise NotForThisRole(f"This needs the right `{right}`. Ask an admin.")

    def note(
        self, session: Session, action: str, customer_id: str | None = None, target: str | None = None
    ) -> None:
        """Add what the agent does to the audit log, in the transaction that does it."""
        audit.note(
            session,
            actor=self.agent.email,
            action=action,
            customer_id=customer_id,
            target=target,
            address=address_of(self.request),
        )

    async def saw(self, action: str, *customer_ids: str, target: str | None = None) -> None:
        """Note in the audit log that the agent is about to see these customers' data."""
        if not customer_ids:
            return
        async with self.recuerda.db.write() as session:
            await audit.saw(
                session,
                actor=self.agent.email,
                action=action,
                customer_ids=customer_ids,
                target=target,
                address=address_of(self.request),
            )


async def signed_in(request: Request, needed: SecurityScopes) -> Visit:
    """Raises `Unauthorized` for nobody, `NotForThisRole` for an agent without a right that is `needed`."""
    recuerda = recuerda_of(request)
    async with recuerda.db.read() as session:
        try:
            agent, session_row = await agents.who(session, request.cookies.get(COOKIE))
        except Unauthorized:
            limits_of(request).address(address_of(request))
            raise
    visit = Visit(request, recuerda, agent, session_row.csrf, Words(language_of(request)))
    for right in needed.scopes:
        visit.require(Right(right))
    return visit


SignedIn = Annotated[Visit, Depends(signed_in)]


async def posted(visit: SignedIn, csrf: Annotated[str, Form()] = "") -> Visit:
    """A form of ours, sent by the agent: another site cannot know the token."""
    if not hmac.compare_digest(visit.csrf.encode(), csrf.encode()):
        raise Forbidden("This form is not from this session. Go back, reload the page and send it again.")
    return visit


Posted = Annotated[Visit, Depends(posted)]
# The same for an agent with a right that not everybody has:
DataSignedIn = Annotated[Visit, Security(signed_in, scopes=[Right.DATA])]
DataPosted = Annotated[Visit, Security(posted, scopes=[Right.DATA])]
WorkSignedIn = Annotated[Visit, Security(signed_in, scopes=[Right.WORK])]
WorkPosted = Annotated[Visit, Security(posted, scopes=[Right.WORK])]
AccessSignedIn = Annotated[Visit, Security(signed_in, scopes=[Right.ACCESS])]
AccessPosted = Annotated[Visit, Security(posted, scopes=[Right.ACCESS])]


async def page(visit: Visit, template: str, *, status: int = 200, **context: Any) -> Response:
    """`done` in the address names what was just done; it is said at the top."""
    done = f"done.{visit.request.query_params.get('done', '')}"
    return _render(
        visit.request,
        template,
        visit.t,
        status=status,
        agent=visit.agent,
        rights=visit.rights,
        csrf=visit.csrf,
        counts=await waiting.counts(visit.recuerda),
        done=visit.t(done) if done in texts(visit.t.language) else None,
        **context,
    )


def bare_page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page for somebody who is not signed in, or an error's."""
    return _render(request, template, Words(language_of(request)), status=status, agent=None, **context)


def _render(request: Request, template: str, t: Words, *, status: int, **context: Any) -> HTMLResponse:
    def when(at: datetime) -> Markup:
        # In UTC; a script turns it to the agent's own time.
        text = f"{at.day} {t.months()[at.month - 1]} {at.year}, {at:%H:%M}"
        return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), text)

    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    html = _templates.get_template(template).render(
        t=t, language=t.language, languages=LANGUAGES, when=when, path=path, url=address, **context
    )
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})


def address(path: str, **query: object) -> str:
    """`path` with the parts of `query` that say something."""
    given = urlencode({key: value for key, value in query.items() if value not in (None, "", False)})
    return f"{path}?{given}" if given else path


def back_to(path: str, otherwise: str) -> str:
    """A place of the console to return to; anything else is somebody's trick."""
    safe = path.startswith("/console/") and "//" not in path and "\\" not in path
    return path if safe else otherwise


def see(path: str, *, done: str | None = None, at: str = "") -> RedirectResponse:
    """After a form: look at `path`, told what was `done`, at the element with id `at`."""
    if done:
        path += ("&" if "?" in path else "?") + urlencode({"done": done})
    return RedirectResponse(path + (f"#{at}" if at else ""), status_code=303)


class _Route(APIRoute):
    """Errors become pages; who is not signed in is sent to the sign-in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except Unauthorized:
                wanted = request.url.path if request.method == "GET" else "/console/"
                return RedirectResponse(address("/console/sign-in", next=wanted), status_code=303)
            except RequestValidationError:
                return error_page(request, BadInput("invalid"))
            except RecuerdaError as error:
                return error_page(request, error)
            except Exception as error:  # a fault of ours: logged without its text, which may quote somebody
                name = type(error).__name__
                frames = (RuntimeError, RuntimeError(name), error.__traceback__)
                log.error("unexpected %s in the console", name, exc_info=frames)
                return error_page(request, RecuerdaError("fault"))

        return handled


def error_page(request: Request, error: RecuerdaError) -> Response:
    response = bare_page(request, "error.html", status=error.status, error=error)
    if "retry_after" in error.extra:
        response.headers["Retry-After"] = str(error.extra["retry_after"])
    return response


def console_router() -> APIRouter:
    return APIRouter(prefix="/console", include_in_schema=False, route_class=_Route)
