"""Every problem the OpenAPI names, made to happen: what is documented and never comes is a lie too."""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from recuerda.access import keys
from recuerda.access.rights import Scope
from recuerda.api.server import create_app
from recuerda.app import Recuerda
from tests.api.served import served
from tests.conftest import KEY, make_settings

JSON = {"Content-Type": "application/json"}
FREE = {"rate_per_key": 0, "rate_per_customer": 0, "rate_per_address": 0}
# Where a problem needs a body that is right in itself.
BODIES: dict[str, Any] = {
    "/v1/conversations": {"customer": {"external_id": "ana"}},
    "/v1/conversations/{conversation_id}/messages": {"text": "Hola"},
    "/v1/conversations/{conversation_id}/rating": {"rating": 5},
    "/v1/customers/{customer_id}/facts": {"category": "fit", "statement": "Wears 42"},
    "/v1/customers/{customer_id}/memories": [
        {"kind": "note", "text": "Asked for socks", "at": "2026-01-01T00:00:00Z"}
    ],
    "/v1/customers/{customer_id}/merges": {"other_id": "cus_x"},
    "/v1/customers/{customer_id}/consents": {"purpose": "marketing", "given": True},
    "/v1/customers/{customer_id}/requests": {"kind": "access"},
    "/v1/facts/{fact_id}/decisions": {"decision": "confirm"},
    "/v1/requests/{request_id}/decisions": {"decision": "done"},
    "/v1/knowledge/{document_id}": {"title": "Socks", "text": "We sell socks.", "language": "en"},
    "/v1/chat/completions": {"user": "ana", "messages": [{"role": "user", "content": "Hola"}]},
}
OTHERS: dict[str, Any] = {
    "/v1/conversations": {"customer": {"external_id": "bea"}},
    "/v1/conversations/{conversation_id}/messages": {"text": "Adiós"},
    "/v1/customers/{customer_id}/facts": {"category": "fit", "statement": "Wears 43"},
    "/v1/customers/{customer_id}/memories": [
        {"kind": "note", "text": "Asked for laces", "at": "2026-01-01T00:00:00Z"}
    ],
}
QUERIES = {"/v1/customers/{customer_id}/recall": {"q": "socks"}, "/v1/knowledge": {"q": "socks"}}

schema = create_app(make_settings(Path("unused"))).openapi()
# Twilio's are in tests/channels, a database that is away in test_ready.
DOCUMENTED = [
    (method.upper(), path, int(status))
    for path, operations in schema["paths"].items()
    if "twilio" not in path and path != "/readyz"
    for method, operation in operations.items()
    for status in operation["responses"]
    if status >= "4"
]


class Asking:
    """The brand's server, about one operation."""

    def __init__(self, url: str, method: str, path: str) -> None:
        self.method, self.path = method, path
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)

    def filled(self, **ids: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda m: ids.get(m[1], "999999" if m[1] == "id" else "x"), self.path)

    def ask(self, url: str | None = None, **given: Any) -> int:
        answer = self.http.request(self.method, url or self.filled(), **given)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        return answer.status_code

    def properly(self, url: str | None = None, **given: Any) -> int:
        """With a body and a query that are right."""
        return self.ask(url, json=BODIES.get(self.path), params=QUERIES.get(self.path), **given)

    def make(self, path: str, body: Any = None, method: str = "POST", **given: Any) -> Any:
        answer = self.http.request(method, path, json=body, **given)
        assert answer.is_success, answer.text
        return answer.json()

    def customer(self, who: str = "ana") -> str:
        return str(self.make("/v1/conversations", {"customer": {"external_id": who}})["customer_id"])


def missing(asking: Asking) -> int:
    if asking.path != "/v1/conversations":
        return asking.properly()
    gone = asking.customer("gone")  # the token outlives the customer
    token = asking.make("/v1/tokens", {"external_id": "gone"})["token"]
    asking.make(f"/v1/customers/{gone}", method="DELETE")
    return asking.ask(json={}, headers={"Authorization": f"Bearer {token}"})


def conflict(asking: Asking) -> int:
    ana, conversation = asking.customer(), ""
    match asking.path.rpartition("/")[2]:
        case "handoff":
            conversation = asking.make("/v1/conversations", BODIES["/v1/conversations"])["id"]
            asking.make(f"/v1/conversations/{conversation}/resolve")
            return asking.ask(asking.filled(conversation_id=conversation))
        case "merges":
            return asking.ask(asking.filled(customer_id=ana), json={"other_id": ana})
        case "{merge_id}":
            made = asking.make(f"/v1/customers/{ana}/merges", {"other_id": asking.customer("eva")})["id"]
            asking.make(f"/v1/merges/{made}", method="DELETE")
            return asking.ask(asking.filled(merge_id=made))
        case "decisions" if "facts" in asking.path:
            size = {"category": "fit", "attribute": "shoe_size", "statement": "Wears it"}
            old, _ = (asking.make(f"/v1/customers/{ana}/facts", {**size, "value": v}) for v in ("42", "43"))
            return asking.properly(asking.filled(fact_id=old["id"]))
        case "decisions":
            made = asking.make(f"/v1/customers/{ana}/requests", {"kind": "access"})["id"]
            asking.make(asking.filled(request_id=made), {"decision": "done"})
            return asking.properly(asking.filled(request_id=made))
        case "retry":
            memories = "/v1/customers/{customer_id}/memories"
            asking.make(memories.format(customer_id=ana), BODIES[memories])
            return asking.ask(asking.filled(id="1"))
        case _:
            conversation = asking.make("/v1/conversations", BODIES["/v1/conversations"])["id"]
            url, key = asking.filled(customer_id=ana, conversation_id=conversation), {"Idempotency-Key": "k"}
            asking.make(url, BODIES[asking.path], headers=key)
            return asking.ask(url, json=OTHERS[asking.path], headers=key)


def away(asking: Asking) -> int:
    conversation = asking.make("/v1/conversations", BODIES["/v1/conversations"])
    ids = {"conversation_id": conversation["id"], "customer_id": conversation["customer_id"]}
    return asking.properly(asking.filled(**ids))


def provoke(asking: Asking, status: int, has_body: bool) -> int:
    """Make the problem happen; the status that was answered."""
    match status:
        case 400:
            return asking.ask(content=b"{", headers=JSON)
        case 401:
            return asking.ask(headers={"Authorization": "Bearer x"})
        case 404:
            return missing(asking)
        case 409:
            return conflict(asking)
        case 413:
            return asking.ask(content=b" " * (5 * 1024 * 1024 + 1), headers=JSON)
        case 415:
            return asking.ask(content=b"{}", headers={"Content-Type": "text/plain"})
        case 422 if has_body:
            return asking.ask(content=b'"x"', headers=JSON)
        case 422:
            return asking.ask(params={"x": "\0"})
    raise AssertionError(f"{status} is documented, and nothing here makes it happen")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(create_app(make_settings(tmp_path_factory.mktemp("problems"), **FREE))) as address:
        yield address


@pytest.mark.parametrize(("method", "path", "status"), [d for d in DOCUMENTED if d[2] not in (403, 429, 503)])
def test_a_documented_problem_is_real(url: str, method: str, path: str, status: int) -> None:
    has_body = "requestBody" in schema["paths"][path][method.lower()]
    assert provoke(Asking(url, method, path), status, has_body) == status


@pytest.mark.parametrize(("method", "path", "status"), [d for d in DOCUMENTED if d[2] == 503])
def test_what_needs_the_embeddings_says_when_they_are_away(
    away_url: str, method: str, path: str, status: int
) -> None:
    assert away(Asking(away_url, method, path)) == status


@pytest.fixture(scope="module")
def away_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose embeddings were there when it started."""
    embeddings = FastAPI()

    @embeddings.post("/v1/embeddings")
    async def embed(body: dict[str, Any]) -> dict[str, Any]:
        one = {"object": "embedding", "embedding": [1.0, 0.0]}
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        data = [{**one, "index": i} for i, _ in enumerate(body["input"])]
        return {"object": "list", "model": "x", "data": data, "usage": usage}

    with contextlib.ExitStack() as stack:
        there = stack.enter_context(contextlib.ExitStack())
        model = there.enter_context(served(embeddings))
        settings = make_settings(
            tmp_path_factory.mktemp("away"),
            **FREE,
            embeddings="openai",
            llm_base_url=f"{model}/v1",
            llm_api_key="x",
            llm_retries=0,
        )
        address = stack.enter_context(served(create_app(settings)))
        path = "/v1/knowledge/{document_id}"
        Asking(address, "PUT", path).make(path.format(document_id="socks"), BODIES[path], method="PUT")
        there.close()
        yield address


@pytest.mark.parametrize(("method", "path", "status"), [d for d in DOCUMENTED if d[2] == 429])
def test_too_many_requests_are_told_so(busy_url: str, method: str, path: str, status: int) -> None:
    asking = Asking(busy_url, method, path)
    asking.http.get("/v1/jobs")
    assert asking.properly() == status


@pytest.fixture(scope="module")
def busy_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(create_app(make_settings(tmp_path_factory.mktemp("busy"), rate_per_key=1))) as address:
        yield address


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[Scope, str]]]:
    """A server, and two keys that may each do one thing."""
    made = Future[dict[Scope, str]]()
    tasks = []

    async def make_keys(recuerda: Recuerda) -> None:
        async with recuerda.db.write() as session:
            tokens = await keys.create(session, "tokens", [Scope.TOKENS])
            knowledge = await keys.create(session, "knowledge", [Scope.KNOWLEDGE])
        made.set_result({Scope.TOKENS: tokens[1], Scope.KNOWLEDGE: knowledge[1]})

    app = create_app(
        make_settings(tmp_path_factory.mktemp("narrow"), **FREE),
        on_start=lambda recuerda: tasks.append(asyncio.ensure_future(make_keys(recuerda))),
    )
    with served(app) as address:
        yield address, made.result(60)


@pytest.mark.parametrize(("method", "path", "status"), [d for d in DOCUMENTED if d[2] == 403])
def test_a_key_without_the_scope_is_told_so(
    narrow: tuple[str, dict[Scope, str]], method: str, path: str, status: int
) -> None:
    url, texts = narrow
    text = texts[Scope.TOKENS if "knowledge" in path else Scope.KNOWLEDGE]
    assert Asking(url, method, path).properly(headers={"Authorization": f"Bearer {text}"}) == status
