"""The chat itself: plain ES modules and styles that a page includes with one script tag."""

from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

_FILES = Path(__file__).parent / "static"
# Asked for again on each page and answered 304: a fix reaches every page at once, and modules never mix.
_FRESH = {"Cache-Control": "no-cache"}


class FreshFiles(StaticFiles):
    """Static files that a browser asks for again each time."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(_FRESH)
        return response


def install(app: FastAPI) -> None:
    """Serve `/widget.js` and `/widget.css`, and under `/widget/` the modules and tokens they import."""

    @app.get("/widget.js", include_in_schema=False)
    async def script() -> FileResponse:
        return FileResponse(_FILES / "widget.js", media_type="text/javascript", headers=_FRESH)

    @app.get("/widget.css", include_in_schema=False)
    async def styles() -> FileResponse:
        return FileResponse(_FILES / "widget.css", media_type="text/css", headers=_FRESH)

    app.mount("/widget", FreshFiles(directory=_FILES), name="widget")
