"""The agents' console: review what was remembered, look after customers, take over conversations."""

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse

from recuerda.console import apidocs


def install(app: FastAPI) -> None:
    apidocs.install(app)

    @app.get("/", include_in_schema=False)
    async def start(request: Request) -> RedirectResponse:
        return RedirectResponse("/shop" if request.app.state.demo else "/console/", status_code=302)
