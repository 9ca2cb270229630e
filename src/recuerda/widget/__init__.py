"""The chat itself: plain ES modules and styles that a page includes with one script tag."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

_FILES = Path(__file__).parent / "static"


def install(app: FastAPI) -> None:
    """Serve `/widget.js`, and beside it under `/widget/` the modules and styles it imports."""

    @app.get("/widget.js", include_in_schema=False)
    async def script() -> FileResponse:
        # Asked for again on each page, answered 304: a fix reaches every brand's page at once.
        return FileResponse(
            _FILES / "widget.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"}
        )

    @app.get("/widget.css", include_in_schema=False)
    async def styles() -> FileResponse:
        return FileResponse(
            _FILES / "widget.css", media_type="text/css", headers={"Cache-Control": "no-cache"}
        )

    app.mount("/widget", StaticFiles(directory=_FILES), name="widget")
