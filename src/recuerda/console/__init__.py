"""The agents' console: review what was remembered, look after customers, take over conversations."""

from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from recuerda.console import apidocs, jobs, people, requests, review, signin, sso, team, threads
from recuerda.console.web import console_router, error_page
from recuerda.errors import NotFound
from recuerda.widget import FreshFiles

_rest = console_router()


@_rest.get("")
@_rest.get("/")
async def start() -> Response:
    return RedirectResponse("/console/review", status_code=303)


@_rest.get("/{path:path}")
async def nothing(request: Request, path: str) -> Response:
    return error_page(request, NotFound(""))


def install(app: FastAPI) -> None:
    apidocs.install(app)
    static = Path(__file__).parent / "static"
    app.mount("/console/static", FreshFiles(directory=static), name="console-static")
    for part in (
        signin.router,
        sso.router,
        review.router,
        people.router,
        threads.router,
        requests.router,
        jobs.router,
        team.router,
        _rest,
    ):
        app.include_router(part)

    @app.get("/", include_in_schema=False)
    async def root(request: Request) -> Response:
        return RedirectResponse("/shop" if request.app.state.demo else "/console/", status_code=302)
