"""Who may ask for what: keys and their scopes at every endpoint, tokens, limits."""

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest

from recuerda.access import keys, limits
from recuerda.access.rights import Scope
from recuerda.api.auth import make_token
from recuerda.models import now
from recuerda.settings import Settings
from tests.conftest import KEY, Shop, make_settings, run_shop

OPEN = {"/healthz", "/readyz", "/metrics"}
SIGNED_BY_THE_CHANNEL = {"/channels/twilio/messages"}


async def key_with(shop: Shop, name: str, *scopes: Scope, **given: Any) -> str:
    async with shop.recuerda.db.write() as session:
        return (await keys.create(session, name, scopes, **given))[1]


async def ask(shop: Shop, method: str, path: str, key: str | None = None, **given: Any) -> httpx.Response:
    request = shop.http.build_request(method, path, **given)
    del request.headers["Authorization"]
    if key is not None:
        request.headers["Authorization"] = f"Bearer {key}"
    return await shop.http.send(request)


def endpoints(shop: Shop) -> list[tuple[str, str, list[str]]]:
    """(method, path, scopes needed) of all that the OpenAPI tells of."""
    found = []
    for path, operations in shop.app.openapi()["paths"].items():
        for method, operation in operations.items():
            scopes = [s for way in operation.get("security", []) for s in way["HTTPBearer"]]
            found.append((method.upper(), path, scopes))
    return found


async def test_every_endpoint_needs_one_scope_and_refuses_a_key_without_it(shop: Shop) -> None:
    only = {scope: await key_with(shop, f"only-{scope.name.lower()}", scope) for scope in Scope}
    seen = set()
    for method, path, scopes in endpoints(shop):
        if path in OPEN | SIGNED_BY_THE_CHANNEL:
            assert not scopes
            continue
        assert len(scopes) == 1, (method, path)
        [needed] = scopes
        seen.add(needed)
        url = re.sub(r"\{\w+\}", "x", path)
        nobody = await ask(shop, method, url)
        assert nobody.status_code == 401, (method, path)
        assert nobody.headers["www-authenticate"] == "Bearer"
        assert (await ask(shop, method, url, "rcd_000000000000_" + "x" * 43)).status_code == 401
        for scope, key in only.items():
            answer = await ask(shop, method, url, key)
            if scope == needed:
                assert answer.status_code not in (401, 403), (method, path, scope)
                continue
            assert answer.status_code == 403, (method, path, scope)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["scope"] == needed
            assert f"`{needed}`" in answer.json()["detail"]
    assert seen == set(Scope) - {Scope.SPECIAL}  # asked for by the fact, see below


async def test_a_special_fact_is_confirmed_only_with_the_scope_for_it(shop: Shop) -> None:
    customer = await shop.customer_of(await shop.open())
    writer = await key_with(shop, "writer", Scope.WRITE)
    doctor = await key_with(shop, "doctor", Scope.WRITE, Scope.SPECIAL)
    stated = {"category": "health", "attribute": "condition", "value": "asthma", "statement": "Has asthma"}
    made = await ask(shop, "POST", f"/v1/customers/{customer}/facts", writer, json=stated)
    assert (made.json()["status"], made.json()["sensitivity"]) == ("proposed", "special")
    path = f"/v1/facts/{made.json()['id']}/decisions"
    for body in ({"decision": "confirm"}, {"decision": "edit", "value": "mild asthma"}):
        refused = await ask(shop, "POST", path, writer, json=body)
        assert (refused.status_code, refused.json()["scope"]) == (403, "customers:special")
    [fact] = await shop.facts(customer)
    assert (fact["status"], fact["value"]) == ("proposed", "asthma")
    allowed = await ask(shop, "POST", path, doctor, json={"decision": "confirm"})
    assert (allowed.status_code, allowed.json()["status"]) == (200, "active")
    assert (await ask(shop, "POST", path, writer, json={"decision": "forget"})).status_code == 200


async def test_what_a_key_writes_about_a_customer_is_audited(shop: Shop) -> None:
    conversation = await shop.open()
    customer = await shop.customer_of(conversation)
    stated = {"category": "fit", "statement": "Wears 42"}
    fact = (await shop.http.post(f"/v1/customers/{customer}/facts", json=stated)).json()["id"]
    note = {"kind": "note", "text": "Asked for 42", "at": "2026-01-01T00:00:00Z"}
    await shop.http.post(f"/v1/customers/{customer}/memories", json=[note])
    await shop.http.post(f"/v1/conversations/{conversation}/resolve")
    log = (await shop.http.get("/v1/audit", params={"customer": customer})).json()["items"]
    assert [(e["actor"], e["action"], e["target"]) for e in reversed(log)] == [
        ("key 1", "fact.add", fact),
        ("key 1", "memory.add", None),
        ("key 1", "conversation.resolve", conversation),
    ]


async def test_a_key_lives_until_it_is_revoked_or_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    key = await key_with(shop, "web-shop", Scope.READ, expires_at=now() + timedelta(days=1))

    async def answer(given: str) -> tuple[int, str]:
        response = await ask(shop, "GET", "/v1/customers?email=a@example.com", given)
        return response.status_code, response.text

    assert (await answer(key))[0] == 200
    async with shop.recuerda.db.write() as session:
        kept = await keys.get(session, "web-shop")
        assert kept.last_used_at is not None
        assert key.removeprefix(f"{kept.id}_") not in kept.model_dump_json()
        _, fresh = await keys.rotate(session, kept.id)
    assert (await answer(key))[0] == (await answer(fresh))[0] == 200
    with monkeypatch.context() as patch:
        patch.setattr(keys, "now", lambda: now() + keys.OVERLAP - timedelta(hours=1))
        assert (await answer(key))[0] == 200
    monkeypatch.setattr(keys, "now", lambda: now() + timedelta(days=1, hours=1))
    status, text = await answer(fresh)
    assert (status, "expired" in text) == (401, True)
    status, text = await answer(key)  # whose overlap is over: not told whether it ever was one
    assert (status, "expired" in text) == (401, False)
    monkeypatch.undo()
    async with shop.recuerda.db.write() as session:
        await keys.revoke(session, "web-shop")
    status, text = await answer(fresh)
    assert (status, "revoked" in text) == (401, True)


async def test_the_old_secret_ends_with_the_overlap(shop: Shop) -> None:
    key = await key_with(shop, "web-shop", Scope.READ)
    async with shop.recuerda.db.write() as session:
        await keys.rotate(session, "web-shop", overlap=timedelta(0))
    assert (await ask(shop, "GET", "/v1/customers?email=a@example.com", key)).status_code == 401


def forged(claims: dict[str, Any], secret: str | None, algorithm: str) -> str:
    return jwt.encode(claims, secret or "", algorithm=algorithm)


async def test_only_our_own_fresh_tokens_are_good(shop: Shop) -> None:
    customer = await shop.customer_of(await shop.open())
    secret = shop.recuerda.secrets[0]
    good, _ = make_token(secret, customer)
    claims: dict[str, Any] = jwt.decode(good, options={"verify_signature": False})
    bad = {
        "no algorithm": forged(claims, None, "none"),
        "another algorithm": forged(claims, secret * 2, "HS512"),
        "another secret": forged(claims, "x" * 40, "HS256"),
        "for somebody else": forged({**claims, "aud": "another-service"}, secret, "HS256"),
        "for nobody": forged({k: v for k, v in claims.items() if k != "aud"}, secret, "HS256"),
        "without end": forged({k: v for k, v in claims.items() if k != "exp"}, secret, "HS256"),
        "of no customer": forged({k: v for k, v in claims.items() if k != "sub"}, secret, "HS256"),
        "over": make_token(secret, customer, timedelta(seconds=-1))[0],
        "no token": "x.y.z",
    }
    path = f"/v1/customers/{customer}"
    assert (await ask(shop, "GET", path, good)).status_code == 200
    for what, token in bad.items():
        assert (await ask(shop, "GET", path, token)).status_code == 401, what
    assert timedelta(0) < make_token(secret, customer)[1] - now() <= timedelta(hours=1)


async def test_the_secret_can_be_changed_without_ending_tokens(settings: Settings) -> None:
    first, second = "f" * 40, "s" * 40
    async with run_shop(settings.model_copy(update={"secret_key": None})) as shop:
        customer = await shop.customer_of(await shop.open())
    given = {"secret_key": second, "secret_key_before": first}
    async with run_shop(make_settings(settings.data_dir, **given)) as shop:
        for secret, status in ((first, 200), (second, 200), ("t" * 40, 401)):
            token, _ = make_token(secret, customer)
            assert (await ask(shop, "GET", f"/v1/customers/{customer}", token)).status_code == status
        token, _ = make_token(shop.recuerda.secrets[0], customer)
        assert jwt.decode(token, second, algorithms=["HS256"], audience="recuerda-customer")


async def test_too_many_requests_are_told_when_to_come_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: 630.0))
    given = {"rate_per_key": 9, "rate_per_customer": 3, "rate_per_address": 6}
    async with run_shop(make_settings(settings.data_dir, **given)) as shop:
        customers = [await shop.customer_of(await shop.open(name)) for name in ("ana", "bea")]
        ana, bea = (make_token(shop.recuerda.secrets[0], c)[0] for c in customers)

        async def statuses(times: int, key: str | None, path: str = "/v1/conversations/x") -> list[int]:
            return [(await ask(shop, "GET", path, key)).status_code for _ in range(times)]

        assert await statuses(6, KEY) == [404] * 5 + [429]  # the first four opened the conversations
        other = await key_with(shop, "other", Scope.CHAT)
        assert await statuses(1, other) == [404]  # each key has its own
        assert await statuses(4, ana) == [404] * 3 + [429]
        assert await statuses(2, bea) == [404] * 2
        refused = await ask(shop, "GET", "/v1/conversations/x", bea)  # the address has had its six
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["content-type"] == "application/problem+json"
        assert "Try again in" in refused.json()["detail"]
        assert await statuses(1, None) == [429]
        assert await statuses(1, other) == [404]  # the brand's server behind the same address goes on
        assert (await shop.http.get("/healthz")).status_code == 200


async def test_a_token_opens_conversations_for_its_own_customer_only(shop: Shop) -> None:
    victim = await shop.customer_of(await shop.open("victim"))
    me = await shop.customer_of(await shop.open("me"))
    token, _ = make_token(shop.recuerda.secrets[0], me)
    named = {"customer": {"external_id": "victim"}}
    assert (await ask(shop, "POST", "/v1/conversations", token, json=named)).status_code == 403
    opened = await ask(shop, "POST", "/v1/conversations", token, json={})
    assert opened.json()["customer_id"] == me != victim


async def test_the_audit_log_over_the_api(shop: Shop) -> None:
    customer = await shop.customer_of(await shop.open())
    for _ in range(3):
        assert (await shop.http.get(f"/v1/customers/{customer}/export")).status_code == 200
    first = (await shop.http.get("/v1/audit", params={"customer": customer, "limit": "2"})).json()
    assert [(e["actor"], e["action"]) for e in first["items"]] == [("key 1", "customer.export")] * 2
    rest = {"customer": customer, "limit": "2", "cursor": first["next_cursor"]}
    assert len((await shop.http.get("/v1/audit", params=rest)).json()["items"]) == 1
    assert (await shop.http.get("/v1/audit?actor=nobody")).json()["items"] == []
    token, _ = make_token(shop.recuerda.secrets[0], customer)
    assert (await ask(shop, "GET", "/v1/audit", token)).status_code == 403
