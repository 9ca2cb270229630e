"""The web server: every face on one FastAPI application."""

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recuerda import __version__, console, widget
from recuerda.access.limits import Limits
from recuerda.api import (
    audit,
    completions,
    conversations,
    customers,
    facts,
    health,
    knowledge,
    memories,
    openapi,
    problems,
    requests,
    rights,
    work,
)
from recuerda.app import Recuerda, running
from recuerda.channels import twilio
from recuerda.errors import BadInput
from recuerda.llm import ChatModel
from recuerda.settings import Settings
from recuerda.shop import pages as shop
from recuerda.telemetry import logs, metrics

log = logging.getLogger(__name__)

MAX_BODY = 5 * 1024 * 1024

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# Only our own scripts and styles run; what a customer writes can add neither.
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def create_app(
    settings: Settings,
    *,
    model: ChatModel | None = None,
    demo: bool = False,
    helped: bool = False,
    on_start: Callable[[Recuerda], object] | None = None,
) -> FastAPI:
    """`demo` adds the sample shop's page; without keys it is open to this machine's own user. `helped`: see
    `running`."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, model=model, work=settings.worker, helped=helped) as recuerda:
            app.state.recuerda = recuerda
            if on_start:
                on_start(recuerda)
            yield

    app = FastAPI(
        title="Recuerda",
        version=__version__,
        summary="A chat assistant that remembers each customer.",
        lifespan=lifespan,
        docs_url=None,  # served from installed files, see console.apidocs
        redoc_url=None,
    )
    app.state.open_to_loopback = demo and not settings.api_keys
    app.state.demo = demo
    app.state.limits = Limits(settings)
    problems.install(app)
    brand = (conversations, customers, memories, facts, rights, requests, audit, knowledge, completions, work)
    for part in (*brand, health, twilio):
        app.include_router(part.router)
    openapi.install(app)
    widget.install(app)
    console.install(app)
    if demo:
        shop.install(app)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
        )
    app.add_middleware(_Guard)  # last, so around all: what CORS answers by itself has the headers too
    return app


class _Guard:
    """Around every request: a bound on the body, security headers, and counts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = logs.request_id(Headers(scope=scope).get("x-request-id"))

        begun = False

        async def headed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", _CSP)
                headers["X-Request-ID"] = request_id
                self._count(scope, message["status"], time.perf_counter() - started)
            await send(message)

        # FastAPI's own `max_body_size` answers in plain text, before any handler of ours.
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise HTTPException(413)
            return message

        app = self._app
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:  # which PostgreSQL could not look for
            app = problems.respond(BadInput("An address cannot hold a NUL character."), Request(scope))
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > MAX_BODY:
            app = problems.respond(problems.TOO_LARGE, Request(scope))
        with logs.about(request_id=request_id):
            try:
                await app(scope, bounded, headed)
            except Exception as error:  # caught here, so that this answer has the headers and is counted too
                if begun:
                    raise  # half an answer cannot be taken back: the connection breaks
                await problems.fault(error, Request(scope))(scope, receive, headed)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        metrics.REQUESTS.labels(scope["method"], route, status).inc()
        metrics.REQUEST_SECONDS.labels(route).observe(seconds)
        log.info(
            "%s %s %s",
            scope["method"],
            route,
            status,
            extra={"figures": {"ms": round(1000 * seconds, 1), "status": status, "route": route}},
        )
