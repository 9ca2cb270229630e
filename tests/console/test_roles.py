"""Roles and the audit log in the console: what each may do, and that every look leaves an entry."""

import re
from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from recuerda.access import agents, audit, limits
from recuerda.access.rights import Right, Role
from recuerda.models import AuditEntry
from tests.conftest import Shop
from tests.console.conftest import EMAIL, PASSWORD, Console, csrf_of

REVIEWER = "reviewer@example.com"
SPECIAL = "Soy diabética y uso talla 42"


@pytest.fixture
async def reviewer(shop: Shop, console: Console) -> Console:
    """A second agent, without any right, in a browser of their own."""
    async with shop.recuerda.db.write() as session:
        await agents.create_agent(session, REVIEWER, "Rita", PASSWORD)
    transport = httpx.ASGITransport(app=shop.app, client=("192.0.2.7", 1234))
    http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60)
    made = Console(shop, http)
    assert (await made.sign_in(REVIEWER)).status_code == 303
    return made


async def entries(shop: Shop, actor: str) -> list[AuditEntry]:
    async with shop.recuerda.db.read() as session:
        return await audit.find(session, actor=actor)


def console_routes(routes: list[BaseRoute]) -> list[APIRoute]:
    found: list[APIRoute] = []
    for route in routes:
        if isinstance(route, APIRoute) and route.path.startswith("/console"):
            found.append(route)
        found += console_routes(getattr(getattr(route, "original_router", None), "routes", []))
    return found


async def special_fact(shop: Shop) -> tuple[str, str, str]:
    """(customer, conversation, fact) with a fact of a special category."""
    conversation = await shop.open("carla")
    await shop.say(conversation, SPECIAL)
    await shop.settle(conversation)
    customer = await shop.customer_of(conversation)
    [fact] = [f for f in await shop.facts(customer) if f["sensitivity"] == "special"]
    return customer, conversation, fact["id"]


ADMINS_ONLY = [
    ("GET", "/console/jobs"),
    ("POST", "/console/jobs/1/retry"),
    ("GET", "/console/customers/{customer}/export"),
    ("POST", "/console/customers/{customer}/erase"),
    ("POST", "/console/customers/{customer}/merges"),
    ("POST", "/console/merges/mrg_x/undo"),
    ("GET", "/console/erasures/era_x"),
    ("GET", "/console/requests"),
    ("POST", "/console/customers/{customer}/requests"),
    ("POST", "/console/requests/req_x"),
    ("GET", "/console/agents"),
    ("POST", "/console/agents"),
    ("POST", "/console/agents/{agent}/role"),
    ("POST", "/console/agents/{agent}/password"),
    ("POST", "/console/agents/{agent}/disable"),
    ("POST", "/console/agents/{agent}/enable"),
    ("POST", "/console/keys"),
    ("POST", "/console/keys/rcd_x/rotate"),
    ("POST", "/console/keys/rcd_x/revoke"),
    ("GET", "/console/audit"),
]


@pytest.mark.parametrize(("method", "path"), ADMINS_ONLY)
async def test_a_reviewer_is_refused_below_the_page(reviewer: Console, method: str, path: str) -> None:
    customer = await reviewer.shop.customer_of(await reviewer.shop.open())
    async with reviewer.shop.recuerda.db.read() as session:
        [admin, _] = await agents.every(session)
    csrf = csrf_of(await reviewer.get("/console/review"))
    form = {
        "csrf": csrf,
        "role": "admin",
        "kind": "access",
        "decision": "done",
        "email": "x@example.com",
        "word": customer,
        "other": customer,
    }
    response = await reviewer.http.request(
        method, path.format(customer=customer, agent=admin.id), data=form if method == "POST" else None
    )
    assert response.status_code == 403
    assert "not for your role" in response.text
    assert (await reviewer.shop.http.get(f"/v1/customers/{customer}")).status_code == 200


async def test_the_table_above_names_every_route_that_needs_a_right(shop: Shop) -> None:
    """And every other route of the console is for any agent, or for nobody in particular."""
    needing = set()
    for route in console_routes(shop.app.routes):
        rights = {s for d in _all(route.dependant) for s in (d.own_oauth_scopes or []) if s in set(Right)}
        if rights:
            needing |= {(m, re.sub(r"\{\w+\}", "*", route.path)) for m in route.methods or ()}
    named = {(m, re.sub(r"\{\w+\}|\b1\b|\w+_x", "*", p)) for m, p in ADMINS_ONLY}
    assert needing == named


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for child in dependant.dependencies:
        yield from _all(child)


async def test_no_dead_buttons(reviewer: Console, console: Console) -> None:
    customer = await reviewer.shop.customer_of(await reviewer.shop.open())
    page = f"/console/customers/{customer}"
    for what in ("/export", "/erase", "/merges", "/console/agents", "/console/jobs"):
        assert what not in await reviewer.get(page), what
        assert what in await console.get(page), what


async def test_special_categories_need_their_right(reviewer: Console, console: Console) -> None:
    shop = reviewer.shop
    customer, conversation, fact = await special_fact(shop)
    pages = [
        f"/console/customers/{customer}?show=1",
        f"/console/conversations/{conversation}?show=1",
        f"/console/facts/{fact}?show=1",
        "/console/review",
    ]
    for path in pages:
        page = await reviewer.get(path)
        assert "diab" not in page, path
        assert "show=1" not in page.replace("next=", ""), path
    assert "diab" in await console.get(pages[2])
    decide, queue = f"/console/facts/{fact}/decisions", "/console/review"
    refused = await reviewer.post(decide, on=queue, status=403, decision="confirm", version="1")
    assert "not for your role" in refused.text
    async with shop.recuerda.db.write() as session:
        rita = await agents.by_email(session, REVIEWER)
        assert rita
        await agents.set_role(session, rita, Role.REVIEWER, special=True)
    for path in pages[:3]:
        assert "diab" in await reviewer.get(path), path
    await reviewer.post(decide, on=queue, decision="confirm", version="1")
    done = [(e.action, e.target) for e in await entries(shop, REVIEWER)]
    assert done[0] == ("fact.confirm", fact)
    assert ("fact.reveal", fact) in done
    assert ("conversation.reveal", conversation) in done


async def test_every_look_at_a_customer_leaves_an_entry(reviewer: Console) -> None:
    shop = reviewer.shop
    customer, conversation, fact = await special_fact(shop)
    looks = {
        "/console/customers": "customers.list",
        f"/console/customers/{customer}": "customer.read",
        "/console/conversations": "conversations.list",
        f"/console/conversations/{conversation}": "conversation.read",
        "/console/review": "review.list",
        f"/console/facts/{fact}": "fact.read",
    }
    for path, action in looks.items():
        for _ in range(2):
            await reviewer.get(path)
        [entry] = [e for e in await entries(shop, REVIEWER) if e.action == action]
        assert (entry.customer_id, entry.address) == (customer, "192.0.2.7"), path
    # A new page of the console must be named here, or show nobody's data.
    shown = {re.sub(r"(cus|cnv|fct)_\w+", "*", path) for path in looks}
    gets = {
        re.sub(r"\{\w+\}", "*", route.path)
        for route in console_routes(shop.app.routes)
        if "GET" in (route.methods or ())
    }
    nobodys = {
        "/console", "/console/", "/console/{path:path}", "/console/sign-in", "/console/language/*",
        "/console/sign-in/sso", "/console/sign-in/sso/callback",
        "/console/jobs", "/console/agents", "/console/me", "/console/audit", "/console/erasures/*",
        "/console/requests",
        "/console/customers/*/export",  # has its own entry, see below
    }  # fmt: skip
    assert gets - nobodys == shown


async def test_what_an_agent_does_is_logged_without_words(console: Console) -> None:
    shop = console.shop
    customer, conversation, _ = await special_fact(shop)
    other = await shop.customer_of(await shop.open("carla-2"))
    page, talk = f"/console/customers/{customer}", f"/console/conversations/{conversation}"
    await console.get(f"{page}/export")
    await console.post(f"{talk}/take", on=talk)
    await console.post(f"{talk}/reply", on=talk, text="Un secreto")
    await console.post(f"{page}/merges", on=page, other=other)
    await console.post(f"{page}/erase", on=page, word=customer)
    log = await entries(shop, EMAIL)
    wanted = [
        "customer.erase",
        "customer.merge",
        "conversation.reply",
        "conversation.take",
        "customer.export",
    ]
    assert [a for a in dict.fromkeys(e.action for e in log) if a in wanted] == wanted
    assert {e.customer_id for e in log if e.action == "customer.merge"} == {customer, other}
    everything = "".join(e.model_dump_json() for e in log)
    assert "secreto" not in everything
    assert "diab" not in everything
    # After the erasure the log still answers who did it, by the id alone.
    listed = await console.get(f"/console/audit?customer={customer}")
    assert "customer.erase" in listed
    assert "conversation.reply" in listed
    assert "customer.erase" not in await console.get("/console/audit?actor=nobody%40example.com")


async def test_the_log_is_paged(console: Console) -> None:
    async with console.shop.recuerda.db.write() as session:
        for n in range(60):
            audit.note(session, actor="many@example.com", action=f"step.{n:02}", customer_id="cus_x")
    first = await console.get("/console/audit?actor=many%40example.com")
    assert "step.59" in first
    assert "step.09" not in first
    more = re.search(r'href="(/console/audit\?[^"]*after=[^"]+)"', first)
    assert more
    second = await console.get(more[1].replace("&amp;", "&"))
    assert "step.09" in second
    assert "step.00" in second
    assert "step.10" not in second


async def test_an_admin_looks_after_agents(console: Console, reviewer: Console) -> None:
    shop, page = console.shop, "/console/agents"
    made = await console.post(page, on=page, status=200, email="new@example.com", name="Nina")
    password = re.search(r"<code>([\w-]{16})</code>", made.text)
    assert password
    assert password[1] not in await console.get(page)
    await console.post(page, on=page, status=409, email="new@example.com")
    await console.post(page, on=page, status=422, email="not an address")
    async with shop.recuerda.db.read() as session:
        admin, nina, rita = [await agents.by_email(session, e) for e in (EMAIL, "new@example.com", REVIEWER)]
    assert admin
    assert nina
    assert rita
    nina_http = httpx.AsyncClient(transport=httpx.ASGITransport(app=shop.app), base_url="http://127.0.0.1")
    ninas = Console(shop, nina_http)
    assert (await ninas.sign_in("new@example.com", password[1])).status_code == 303

    await reviewer.get("/console/review")
    await console.post(f"{page}/{rita.id}/disable", on=page)
    assert (await reviewer.http.get("/console/review")).status_code == 303  # at once
    assert (await reviewer.sign_in(REVIEWER)).status_code == 401
    await console.post(f"{page}/{rita.id}/enable", on=page)
    assert (await reviewer.http.get("/console/review")).status_code == 303  # the old session stays ended
    assert (await reviewer.sign_in(REVIEWER)).status_code == 303

    await console.post(f"{page}/{rita.id}/role", on=page, role="admin")
    await reviewer.get("/console/agents")  # without signing in anew
    await reviewer.post(f"{page}/{admin.id}/role", on=page, role="reviewer")
    await console.get("/console/agents", status=403)
    for step in ("role", "disable", "password"):  # nobody saws off the branch they sit on
        await reviewer.post(f"{page}/{rita.id}/{step}", on=page, status=409, role="reviewer")

    reset = await reviewer.post(f"{page}/{nina.id}/password", on=page, status=200)
    assert (await ninas.http.get("/console/review")).status_code == 303
    fresh = re.search(r"<code>([\w-]{16})</code>", reset.text)
    assert fresh
    assert (await ninas.sign_in("new@example.com", password[1])).status_code == 401
    assert (await ninas.sign_in("new@example.com", fresh[1])).status_code == 303
    done = [e.action for e in await entries(shop, EMAIL)]
    assert {"agent.create", "agent.disable", "agent.enable", "agent.make-admin"} <= set(done)


async def test_an_admin_looks_after_keys(console: Console) -> None:
    page = "/console/agents"
    made = await console.post("/console/keys", on=page, status=200, name="web-shop", scope="customers:read")
    text = re.search(r"rcd_[0-9a-f]{12}_[\w-]{43}", made.text)
    assert text
    assert text[0] not in await console.get(page)
    await console.post("/console/keys", on=page, status=409, name="web-shop", scope="chat")
    await console.post("/console/keys", on=page, status=422, name="nothing")

    async def works(key: str) -> bool:
        headers = {"Authorization": f"Bearer {key}"}
        answer = await console.shop.http.get("/v1/customers?email=a@example.com", headers=headers)
        return answer.status_code == 200

    assert await works(text[0])
    rotated = await console.post(f"/console/keys/{text[0][:16]}/rotate", on=page, status=200)
    fresh = re.search(r"rcd_[0-9a-f]{12}_[\w-]{43}", rotated.text)
    assert fresh
    assert await works(fresh[0])
    await console.post(f"/console/keys/{text[0][:16]}/revoke", on=page)
    assert not await works(text[0])
    assert not await works(fresh[0])


async def test_signing_in_is_limited_by_address(stranger: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Besides the lock-out of one agent: nobody tries a password on many of them."""
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: 630.0))
    statuses = [(await stranger.sign_in(f"agent{n}@example.com")).status_code for n in range(21)]
    assert statuses == [401] * 20 + [429]
