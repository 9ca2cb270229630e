"""The API's documentation at /docs: Swagger UI from files that are installed, nothing from elsewhere.

The files come with fastapi-offline (MIT; Swagger UI itself is Apache-2.0). Only its files are used: its
own page has inline scripts, which our policy refuses.
"""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse
from starlette.staticfiles import StaticFiles

_STATIC = Path(__file__).parent / "static"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Recuerda API</title>
<link rel="icon" href="/console/static/logo.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/files/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/files/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""


def install(app: FastAPI) -> None:
    @app.get("/docs", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    @app.get("/docs/start.js", include_in_schema=False)
    async def start() -> FileResponse:
        return FileResponse(_STATIC / "docs.js", media_type="text/javascript")

    app.mount("/docs/files", StaticFiles(packages=[("fastapi_offline", "static")]), name="docs-files")
