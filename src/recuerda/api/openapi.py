"""The OpenAPI as served: FastAPI's own, with the problems each endpoint can answer.

Most follow from what an endpoint takes; `CONFLICT` and the like say the rest beside the endpoint. The tests
make every documented problem happen, and let none that is not documented.
"""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from recuerda.api.problems import MEDIA_TYPE


class Problem(BaseModel):
    """RFC 9457 problem details; some problems say more in members of their own."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None


_WHAT = {
    400: "The body is not JSON.",
    401: "No key or token, or not a valid one.",
    403: "The key lacks the scope, or the token is for another customer.",
    404: "There is nothing with this id.",
    409: "It does not fit the present state.",
    413: "Too large.",
    415: "The body is not said to be JSON.",
    422: "The request cannot be used as it is.",
    429: "Too many requests; `Retry-After` says when to come back.",
    503: "Not available right now.",
}


def install(app: FastAPI) -> None:
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            _describe(plain())
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _describe(schema: dict[str, Any]) -> None:
    parts = schema["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        parts.pop(unused, None)
    parts["Problem"] = Problem.model_json_schema()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            answers.pop("422", None)
            for status in sorted(_answered(path, method, operation) | _said(answers)):
                answers[str(status)] = {
                    "description": _WHAT[status],
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }


def _answered(path: str, method: str, operation: dict[str, Any]) -> set[int]:
    """The problems that follow from what the endpoint takes."""
    given = operation.get("parameters", [])
    statuses = {401, 403, 429} if operation.get("security") else set()
    if "requestBody" in operation:
        statuses |= {400, 413, 415, 422}
    if given:
        statuses.add(422)
    if "{" in path and method != "put":  # what is put is there from then on
        statuses.add(404)
    if any(parameter["name"] == "Idempotency-Key" for parameter in given):
        statuses.add(409)
    return statuses


def _said(answers: dict[str, Any]) -> set[int]:
    """The problems an endpoint names itself, by status alone."""
    return {int(status) for status, answer in answers.items() if status >= "4" and "content" not in answer}
