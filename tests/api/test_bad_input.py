"""Bad input gets a problem that says what to do, and nothing is lost or half done."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from recuerda.errors import Unavailable
from recuerda.settings import Settings
from tests.conftest import Shop, make_settings, run_shop
from tests.fakes import FakeModel

UNKNOWN = "cus_00000000000000000000000000000000"

CASES: list[tuple[str, str, dict[str, Any], int]] = [
    ("POST", "/v1/conversations", {"json": {}}, 422),
    ("POST", "/v1/conversations", {"json": {"customer": {}}}, 422),
    ("POST", "/v1/conversations", {"json": {"customer": {"email": "not an address"}}}, 422),
    ("POST", "/v1/conversations", {"json": {"customer": {"phone": "12"}}}, 422),
    ("POST", "/v1/conversations", {"json": {"customer": {"external_id": "x"}, "locale": "klingon"}}, 422),
    ("POST", "/v1/conversations", {"json": {"customer": {"external_id": "x"}, "channel": "No Such!"}}, 422),
    ("POST", "/v1/conversations", {"json": {"customer": {"external_id": "x", "colour": "red"}}}, 422),
    ("POST", "/v1/conversations", {"content": b"{broken"}, 400),
    ("POST", "/v1/conversations", {"content": b'{"customer": "\xff"}'}, 400),
    ("GET", "/v1/conversations/cnv_unknown", {}, 404),
    ("GET", "/v1/conversations/cnv_unknown/messages", {}, 404),
    ("POST", "/v1/conversations/cnv_unknown/messages", {"json": {"text": "hola"}}, 404),
    ("POST", "/v1/conversations/cnv_unknown/handoff", {}, 404),
    ("GET", f"/v1/customers/{UNKNOWN}", {}, 404),
    ("GET", f"/v1/customers/{UNKNOWN}/facts", {}, 404),
    ("GET", f"/v1/customers/{UNKNOWN}/facts?status=happy", {}, 422),
    ("GET", f"/v1/customers/{UNKNOWN}/recall?q=x", {}, 404),
    ("GET", f"/v1/customers/{UNKNOWN}/recall", {}, 422),
    ("GET", f"/v1/customers/{UNKNOWN}/facts?as_of=0001-01-01T00:00:00%2B14:00", {}, 422),
    ("GET", f"/v1/customers/{UNKNOWN}/facts?as_of=2026-01-01T00:00:00", {}, 422),
    ("GET", f"/v1/customers/{UNKNOWN}/facts?cursor=garbage", {}, 422),
    ("GET", "/v1/conversations/cnv_unknown/messages?cursor=9223372036854775808", {}, 422),
    ("PUT", "/v1/knowledge/a%00b", {"json": {"title": "x", "text": "x", "language": "en"}}, 422),
    (
        "PUT",
        "/v1/knowledge/x",
        {"json": {"title": "x", "text": "x", "language": "en", "url": "javascript:1"}},
        422,
    ),
    ("GET", f"/v1/customers/{UNKNOWN}/export", {}, 404),
    ("DELETE", f"/v1/customers/{UNKNOWN}", {}, 404),
    ("POST", f"/v1/customers/{UNKNOWN}/memories", {"json": []}, 422),
    ("POST", f"/v1/customers/{UNKNOWN}/facts", {"json": {"category": "fit", "statement": "x"}}, 404),
    ("GET", "/v1/customers", {}, 422),
    ("GET", "/v1/erasures/era_unknown", {}, 404),
    ("DELETE", "/v1/merges/mrg_unknown", {}, 404),
    ("POST", "/v1/facts/fct_unknown/decisions", {"json": {"decision": "confirm"}}, 404),
    ("POST", "/v1/facts/fct_unknown/decisions", {"json": {"decision": "maybe"}}, 422),
    ("DELETE", "/v1/knowledge/unknown", {}, 404),
    ("POST", "/v1/chat/completions", {"json": {"messages": [{"role": "user", "content": "hola"}]}}, 422),
    ("POST", "/v1/chat/completions", {"json": {"user": "x", "messages": []}}, 422),
    ("GET", "/no/such/page", {}, 404),
    ("DELETE", "/v1/conversations", {}, 405),
]


@pytest.mark.parametrize(("method", "path", "request_body", "status"), CASES)
async def test_a_problem_says_what_to_do(
    shop: Shop, method: str, path: str, request_body: dict[str, Any], status: int
) -> None:
    headers = {"Content-Type": "application/json"} if "content" in request_body else {}
    response = await shop.http.request(method, path, headers=headers, **request_body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert len(problem["detail"]) > 15
    assert problem["title"]


@pytest.mark.parametrize(("text", "status"), [("", 422), ("  \n", 422), ("\x00", 422), ("a" * 100_000, 413)])
async def test_a_message_that_cannot_be_taken_leaves_nothing(shop: Shop, text: str, status: int) -> None:
    conversation = await shop.open()
    response = await shop.http.post(f"/v1/conversations/{conversation}/messages", json={"text": text})
    assert response.status_code == status
    assert "aaaa" not in response.text
    assert (await shop.http.get(f"/v1/conversations/{conversation}/messages")).json()["items"] == []


async def test_every_kind_of_character_is_kept(shop: Shop) -> None:
    conversation = await shop.open()
    text = "¿Año nuevo? 👟👩‍👩‍👧 \u202eabc\u202c <b>hola</b> ' \" \\ %s {{ x }} \u0301"
    await shop.say(conversation, text)
    [first, _] = (await shop.http.get(f"/v1/conversations/{conversation}/messages")).json()["items"]
    assert first["text"] == text


async def test_without_a_key_nothing_is_served(shop: Shop) -> None:
    for key in (None, "Bearer wrong", "Basic dGVzdA==", "Bearer "):
        headers = {"Authorization": key} if key else {}
        shop.http.headers.pop("Authorization", None)
        response = await shop.http.get(f"/v1/customers/{UNKNOWN}", headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"


async def test_without_knowledge_the_assistant_says_it_does_not_know(shop: Shop) -> None:
    reply = (await shop.say(await shop.open(), "¿Cuántos días tengo para devolver?"))["reply"]
    assert reply["language"] == "es"
    assert reply["receipt"]["knowledge"] == []
    assert not any(character.isdigit() for character in reply["text"])


async def test_when_the_model_is_down_the_embedded_engine_answers(settings: Settings) -> None:
    down = FakeModel(Unavailable("The model fake did not answer."))
    async with run_shop(settings.model_copy(update={"engine": "llm"}), model=down) as shop:
        reply = (await shop.say(await shop.open(), "Hola"))["reply"]
        assert reply["engine"] == "embedded"
        assert "did not answer" in reply["receipt"]["fallback"]
        assert reply["text"]


async def test_a_model_that_is_not_there_at_all(settings: Settings) -> None:
    nowhere = {"llm_model": "x", "llm_base_url": "http://127.0.0.1:9/v1", "llm_retries": 0}
    async with run_shop(make_settings(settings.data_dir, **nowhere)) as shop:
        conversation = await shop.open()
        turn = await shop.say(conversation, "Hola, uso talla 42")
        assert turn["reply"]["engine"] == "embedded"
        assert turn["reply"]["receipt"]["fallback"]
        await shop.settle(conversation)
        assert [f["value"] for f in await shop.facts(await shop.customer_of(conversation))] == ["42"]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_not_read(shop: Shop, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b"1," * 50_000

    body = pieces() if chunked else b"1," * 4_000_000
    response = await shop.http.post(
        "/v1/conversations", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


async def test_the_keyless_demo_is_for_this_machines_user_only(settings: Settings) -> None:
    async with run_shop(settings.model_copy(update={"api_keys": ()}), demo=True) as shop:
        shop.http.headers.pop("Authorization")
        opened = await shop.http.post("/v1/conversations", json={"customer": {"external_id": "x"}})
        assert opened.status_code == 201
        path = f"/v1/conversations/{opened.json()['id']}"
        for headers in (
            {"Host": "evil.example"},
            {"Host": "evil.example@127.0.0.1"},
            {"Host": "evil.example#127.0.0.1"},
            {"Host": "[::::"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            assert (await shop.http.get(path, headers=headers)).status_code == 401, headers


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"customer": "\xff"}', 400, "not UTF-8: byte 14"),
        (b"[" * 200_000 + b"]" * 200_000, 400, "nested too deep"),
        (b'{"customer": ' + b"9" * 5000 + b"}", 400, "too long"),
        (b'{"customer": }', 400, "breaks off at character 13"),
        (b'{"customer": {"name": "\\ud800", "email": "a@example.com"}}', 422, "customer.name"),
    ],
)
async def test_a_body_that_cannot_be_read_says_why(shop: Shop, body: bytes, status: int, said: str) -> None:
    headers = {"Content-Type": "application/json"}
    response = await shop.http.post("/v1/conversations", content=body, headers=headers)
    assert (response.status_code, said in response.json()["detail"]) == (status, True), response.text


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\u0000"', '"\\ud800"'])
async def test_data_that_a_database_could_not_keep(shop: Shop, value: str) -> None:
    customer = await shop.customer_of(await shop.open())
    note = f'[{{"kind": "note", "text": "x", "at": "2026-01-01T00:00:00Z", "data": {{"x": {value}}}}}]'
    headers = {"Content-Type": "application/json"}
    path = f"/v1/customers/{customer}/memories"
    assert (await shop.http.post(path, content=note, headers=headers)).status_code == 422
