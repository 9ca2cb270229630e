"""Errors as RFC 9457 problem details, made in one place. A problem never repeats what was sent."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from recuerda.errors import RecuerdaError, TooLarge

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
TOO_LARGE = TooLarge("The body is larger than 5 MB. Send it in parts.")


class BadJSON(RecuerdaError):
    status = 400
    title = "The body is not JSON"


class NotSaidToBeJSON(RecuerdaError):
    status = 415
    title = "The body is not said to be JSON"


def respond(error: RecuerdaError, request: Request) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if "retry_after" in error.extra:
        headers["Retry-After"] = str(error.extra["retry_after"])
    return JSONResponse(
        error.problem(request.url.path), status_code=error.status, media_type=MEDIA_TYPE, headers=headers
    )


def fault(error: Exception, request: Request) -> JSONResponse:
    """The last resort: something nobody thought of."""
    log.error("unexpected %s at %s", type(error).__name__, request.scope.get("route"), exc_info=error)
    return respond(
        RecuerdaError("This is a fault of ours and was logged. Trying again later may help."), request
    )


def install(app: FastAPI) -> None:
    @app.exception_handler(RecuerdaError)
    async def _ours(request: Request, error: RecuerdaError) -> JSONResponse:
        return respond(error, request)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        problems = error.errors()
        broken = next((p for p in problems if p["type"] == "json_invalid"), None)
        if broken is not None:
            return respond(BadJSON(f"The JSON breaks off at character {broken['loc'][-1]}."), request)
        if problems[0]["loc"] == ("body",) and problems[0]["type"] != "missing" and not _says_json(request):
            return respond(NotSaidToBeJSON("Send JSON, with `Content-Type: application/json`."), request)
        found = [{"where": _place(p["loc"]), "what": p["msg"]} for p in problems]
        problem = RecuerdaError(
            "; ".join(f"{f['where']}: {f['what']}" for f in found[:3])
            + ". See /docs for the expected shape.",
            errors=found,
        )
        problem.status, problem.title = 422, "The request cannot be used as it is"
        body = problem.problem(request.url.path) | {"type": "urn:recuerda:problem:bad-input"}
        return JSONResponse(body, status_code=422, media_type=MEDIA_TYPE)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 400 and error.__cause__:  # FastAPI's, of a body it could not parse
            return respond(BadJSON(_unreadable(error.__cause__)), request)
        problem = RecuerdaError(_ADVICE.get(error.status_code, str(error.detail)))
        problem.status, problem.title = error.status_code, str(error.detail)
        body = problem.problem(request.url.path) | {"type": "about:blank"}
        return JSONResponse(
            body, status_code=error.status_code, media_type=MEDIA_TYPE, headers=dict(error.headers or {})
        )


_ADVICE = {
    404: "There is nothing at this address. See /docs for what there is.",
    413: TOO_LARGE.detail,
    405: "This address does not take this method. See /docs.",
}


def _says_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _unreadable(error: BaseException) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"The body is not UTF-8: byte {error.start} cannot be read. Encode it as UTF-8."
    if isinstance(error, RecursionError):
        return "The JSON is nested too deep. Send a flatter one."
    return "The body holds a number that is too long."


def _place(loc: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in loc if part != "body") or "body"
