from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from recuerda.access import agents, audit
from recuerda.access.agents import MAX_FAILURES, create_agent
from recuerda.errors import BadInput, Conflict
from recuerda.models import Agent, AgentSession, now
from tests.conftest import Shop
from tests.console.conftest import EMAIL, PASSWORD, Console

PAGES = ("review", "customers", "conversations", "jobs", "facts/fct_x", "customers/cus_x/export")


async def test_nobody_sees_a_page_without_signing_in(stranger: Console) -> None:
    for page in PAGES:
        response = await stranger.http.get(f"/console/{page}")
        assert response.status_code == 303
        assert response.headers["location"].startswith("/console/sign-in?next=%2Fconsole%2F")


async def test_signing_in_and_out(stranger: Console) -> None:
    response = await stranger.sign_in()
    cookie = next(c for c in response.headers.get_list("set-cookie") if c.startswith("recuerda_agent="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie  # this is plain http
    await stranger.get("/console/review")
    token = stranger.http.cookies["recuerda_agent"]
    await stranger.post("/console/sign-out", on="/console/review")
    assert (await stranger.http.get("/console/review")).status_code == 303
    stranger.http.cookies.set("recuerda_agent", token)  # an old cookie is worth nothing
    assert (await stranger.http.get("/console/review")).status_code == 303


async def test_the_database_holds_no_token_and_no_password(console: Console) -> None:
    async with console.shop.recuerda.db.read() as session:
        agent = (await session.exec(select(Agent))).one()
        kept = (await session.exec(select(AgentSession))).one()
    assert agent.password_hash.startswith("$argon2id$")
    assert console.http.cookies["recuerda_agent"] not in kept.model_dump_json()


async def test_the_same_words_whichever_was_wrong(stranger: Console) -> None:
    wrong_password = await stranger.sign_in(password="not this one")
    unknown = await stranger.sign_in(email="nobody@example.com")
    assert wrong_password.status_code == unknown.status_code == 401
    assert wrong_password.text.replace(EMAIL, "") == unknown.text.replace("nobody@example.com", "")


async def test_five_failures_lock_for_some_minutes(
    stranger: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(MAX_FAILURES):
        assert (await stranger.sign_in(password="guess")).status_code == 401
    assert (await stranger.sign_in(PASSWORD)).status_code == 401
    assert (await stranger.sign_in()).status_code == 401  # right, but locked
    later = now() + agents.LOCKED_FOR + timedelta(seconds=1)
    monkeypatch.setattr(agents, "now", lambda: later)
    assert (await stranger.sign_in()).status_code == 303


async def test_a_session_ends(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    later = now() + agents.SESSION_LIFE + timedelta(seconds=1)
    monkeypatch.setattr(agents, "now", lambda: later)
    assert (await console.http.get("/console/review")).status_code == 303


async def test_forms_need_the_sessions_token(console: Console) -> None:
    for csrf in ("", "guess"):
        response = await console.http.post("/console/sign-out", data={"csrf": csrf})
        assert response.status_code == 403
        assert "not from your present session" in response.text
    stranger_csrf = await console.http.post(
        "/console/sign-in", data={"email": EMAIL, "password": PASSWORD, "csrf": "x"}
    )
    assert stranger_csrf.status_code == 200  # the form again, nobody signed in anew


@pytest.mark.parametrize(
    "trick", ["//evil.example", "https://evil.example", "/console//evil", "/console/\\evil"]
)
async def test_signing_in_leads_nowhere_else(stranger: Console, trick: str) -> None:
    page = await stranger.http.get("/console/sign-in", params={"next": trick})
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    response = await stranger.http.post(
        "/console/sign-in", data={"email": EMAIL, "password": PASSWORD, "csrf": csrf, "next": trick}
    )
    assert response.headers["location"] == "/console/review"


async def test_making_agents(shop: Shop) -> None:
    async with shop.recuerda.db.write() as session:
        agent = await create_agent(session, "  Ana@Example.com ", "Ana", PASSWORD)
        assert agent.email == "ana@example.com"
        with pytest.raises(Conflict):
            await create_agent(session, "ana@example.com", "Ana", PASSWORD)
        with pytest.raises(BadInput):
            await create_agent(session, "new@example.com", "New", "short")
        with pytest.raises(BadInput):
            await create_agent(session, "not an address", "New", PASSWORD)


@pytest.mark.parametrize(("language", "title"), [("en", "Sign in"), ("es-MX", "Entrar"), ("pt-BR", "Senha")])
async def test_the_browsers_language_is_the_default(stranger: Console, language: str, title: str) -> None:
    response = await stranger.http.get(
        "/console/sign-in", headers={"Accept-Language": f"xx,{language};q=0.8"}
    )
    assert title in response.text


async def test_the_agents_choice_of_language_lasts(console: Console) -> None:
    response = await console.http.get("/console/language/pt", params={"next": "/console/jobs"})
    assert response.headers["location"] == "/console/jobs"
    assert "Tarefas com falha" in await console.get("/console/jobs")


NEW = "a new pair of running shoes"


async def test_changing_ones_own_password(console: Console) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=console.shop.app), base_url="http://127.0.0.1"
    ) as http:
        elsewhere = Console(console.shop, http)
        await elsewhere.sign_in()
        before = console.http.cookies["recuerda_agent"]
        changed = await console.post(
            "/console/me/password", on="/console/me", present=PASSWORD, new=NEW, again=NEW
        )
        assert "Your password was changed" in await console.get(changed.headers["location"])
        assert console.http.cookies["recuerda_agent"] != before
        assert (await elsewhere.http.get("/console/review")).status_code == 303  # signed out there
        assert (await elsewhere.sign_in()).status_code == 401
        assert (await elsewhere.sign_in(password=NEW)).status_code == 303
    async with console.shop.recuerda.db.read() as session:
        [noted] = [e for e in await audit.find(session, actor=EMAIL) if e.action == "agent.change-password"]
    assert noted.target


@pytest.mark.parametrize(
    ("present", "new", "again", "said"),
    [
        ("not this one", NEW, NEW, "not your present password"),
        (PASSWORD, NEW, NEW + "s", "not the same"),
        (PASSWORD, "short", "short", "has 10 to 200 characters"),
    ],
)
async def test_a_password_that_is_not_changed(
    console: Console, present: str, new: str, again: str, said: str
) -> None:
    response = await console.post(
        "/console/me/password", on="/console/me", status=422, present=present, new=new, again=again
    )
    assert said in response.text
    assert NEW not in response.text
    await console.post("/console/sign-out", on="/console/review")  # was still signed in
    assert (await console.sign_in()).status_code == 303


async def test_guessing_the_present_password_locks(console: Console) -> None:
    for _ in range(MAX_FAILURES):
        await console.post(
            "/console/me/password", on="/console/me", status=422, present="guess", new=NEW, again=NEW
        )
    await console.post(
        "/console/me/password", on="/console/me", status=422, present=PASSWORD, new=NEW, again=NEW
    )
