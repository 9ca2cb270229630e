"""What a browser is told: security headers on every face, and which pages may call the API."""

from collections.abc import AsyncIterator

import pytest
from starlette.routing import BaseRoute

from recuerda.settings import Settings
from tests.conftest import Shop, make_settings, run_shop

ALLOWED, DENIED = "https://shop.example.com", "https://evil.example.com"


@pytest.fixture
async def open_shop(settings: Settings) -> AsyncIterator[Shop]:
    async with run_shop(make_settings(settings.data_dir, cors_origins=ALLOWED), demo=True) as running:
        yield running


def paths_of(routes: list[BaseRoute]) -> set[str]:
    found = set()
    for route in routes:
        inner = getattr(getattr(route, "original_router", None), "routes", [])
        found |= paths_of(inner) or {getattr(route, "path", "")}
    return found


async def test_every_face_has_the_headers(open_shop: Shop) -> None:
    paths = {p.replace(":path", "") for p in paths_of(open_shop.app.routes)}
    assert {"/shop", "/console/review", "/docs", "/widget.js", "/v1/audit", "/openapi.json"} <= paths
    for path in sorted(paths):
        for method in ("GET", "POST", "OPTIONS"):
            answer = await open_shop.http.request(method, path.replace("{", "").replace("}", "") or "/")
            assert answer.status_code != 500, path
            headers = answer.headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["x-frame-options"] == "DENY", path
            assert headers["referrer-policy"] == "same-origin", path
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy, path
            assert "unsafe-eval" not in policy, path
            assert "unsafe-inline" not in policy.partition("style-src")[0], path
            assert "*" not in policy, path


async def test_only_pages_on_the_list_may_call_and_never_with_cookies(open_shop: Shop) -> None:
    http = open_shop.http
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for origin, status in ((ALLOWED, 200), (DENIED, 400), ("null", 400), (ALLOWED + ".evil.example", 400)):
        before = await http.options("/v1/conversations", headers={"Origin": origin, **asked})
        after = await http.get("/healthz", headers={"Origin": origin})
        expected = origin if status == 200 else None
        assert before.status_code == status, origin
        assert before.headers["x-content-type-options"] == "nosniff"
        for answer in (before, after):
            assert answer.headers.get("access-control-allow-origin") == expected, origin
            assert "access-control-allow-credentials" not in answer.headers
    put = {**asked, "Access-Control-Request-Method": "PUT"}  # knowledge is the brand's servers' to tend
    assert (await http.options("/v1/knowledge/x", headers={"Origin": ALLOWED, **put})).status_code == 400


async def test_without_a_list_no_page_may_call(shop: Shop) -> None:
    for method in ("GET", "OPTIONS"):
        answer = await shop.http.request(method, "/healthz", headers={"Origin": ALLOWED})
        assert "access-control-allow-origin" not in answer.headers


async def test_a_fault_has_the_headers_too_and_repeats_nothing(shop: Shop) -> None:
    async def fails() -> None:
        raise ZeroDivisionError("Ana's words")

    shop.app.add_api_route("/fails", fails)
    answer = await shop.http.get("/fails")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]
    assert "Ana" not in answer.text


async def test_a_body_is_not_read_before_the_key_is_known(shop: Shop) -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append("all of it")
        yield b"{"

    for path in ("/v1/conversations", "/v1/chat/completions", "/v1/customers/x/memories"):
        answer = await shop.http.post(path, content=body(), headers={"Authorization": "Bearer nobody's"})
        assert answer.status_code == 401, path
    assert read == []
    answer = await shop.http.post("/v1/conversations", content=body())
    assert (answer.status_code, read) == (415, ["all of it"])
