"""Single sign-on against a real provider over HTTP, telling the truth and lying."""

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError
from sqlmodel import select

from recuerda import doctor
from recuerda.access import agents, audit
from recuerda.access.agents import MAX_FAILURES, create_agent
from recuerda.console import sso
from recuerda.console.texts import texts
from recuerda.models import Agent, AgentSession, AuditEntry, now
from tests.conftest import Shop, make_settings, run_shop
from tests.console.conftest import EMAIL, PASSWORD, Console
from tests.console.provider import CLIENT, PERSON, SECRET, Provider, serving

HOME = "http://127.0.0.1"
START = "/console/sign-in/sso"


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    with serving(made):
        yield made


def configured(folder: Path, provider: Provider, **given: object) -> Any:
    oidc = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "public_url": HOME,
        "rate_sign_in": 0,
    }
    return make_settings(folder, **(oidc | given))


class Browser(Console):
    """Follows the redirect to the provider and brings its answer back."""

    async def set_out(self, next: str = "") -> str:
        """Where the console sends the browser."""
        response = await self.http.get(START, params={"next": next} if next else {})
        assert response.status_code == 303
        return response.headers["location"]

    async def answered(self, address: str) -> str:
        """Where the provider sends the browser back to."""
        async with httpx.AsyncClient() as outside:
            response = await outside.get(address)
        assert response.status_code == 302, response.text
        return response.headers["location"]

    async def sign_on(self, next: str = "") -> httpx.Response:
        return await self.http.get(await self.answered(await self.set_out(next)))

    async def is_in(self) -> bool:
        return (await self.http.get("/console/review")).status_code == 200

    async def everybody(self) -> list[Agent]:
        async with self.shop.recuerda.db.read() as session:
            return await agents.every(session)

    async def log(self) -> list[AuditEntry]:
        async with self.shop.recuerda.db.read() as session:
            return await audit.find(session)


async def refused(browser: Browser, response: httpx.Response, why: str, case: object = "") -> None:
    """Nobody is in, and the sign-in page says why."""
    assert response.status_code == 303, case
    assert response.headers["location"].split("&")[0] == f"/console/sign-in?sso={why}", case
    assert not await browser.is_in()
    async with browser.shop.recuerda.db.read() as session:
        assert not (await session.exec(select(AgentSession))).all()
    page = await browser.get(response.headers["location"])
    assert texts("en")[f"sign_in.sso.{why}"] in page


async def browsing(shop: Shop) -> AsyncIterator[Browser]:
    async with shop.recuerda.db.write() as session:
        await create_agent(session, EMAIL, "Ana", PASSWORD, "reviewer", special=True)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=shop.app),
        base_url=HOME,
        headers={"Accept-Language": "en"},
        timeout=60,
    ) as http:
        yield Browser(shop, http)


@pytest.fixture
async def browser(tmp_path: Path, provider: Provider) -> AsyncIterator[Browser]:
    async with run_shop(configured(tmp_path, provider)) as shop:
        async for one in browsing(shop):
            yield one


@pytest.fixture
async def with_roles(tmp_path: Path, provider: Provider) -> AsyncIterator[Browser]:
    async with run_shop(configured(tmp_path, provider, oidc_role_claim="roles")) as shop:
        async for one in browsing(shop):
            yield one


async def test_an_agent_signs_in(browser: Browser, provider: Provider) -> None:
    page = await browser.get("/console/sign-in?next=%2Fconsole%2Fcustomers")
    assert f'href="{START}?next=%2Fconsole%2Fcustomers"' in page
    response = await browser.sign_on("/console/customers")
    assert (response.status_code, response.headers["location"]) == (303, "/console/customers")
    session = next(c for c in response.headers.get_list("set-cookie") if c.startswith("recuerda_agent="))
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert await browser.is_in()
    assert provider.asked[0]["redirect_uri"] == f"{HOME}{START}/callback"
    [entry] = await browser.log()
    assert (entry.actor, entry.action, entry.target) == (EMAIL, "agent.sign-in", "single sign-on")
    first = browser.http.cookies["recuerda_agent"]
    await browser.sign_on()
    assert browser.http.cookies["recuerda_agent"] != first


async def test_what_the_browser_keeps_meanwhile(browser: Browser) -> None:
    response = await browser.http.get(START)
    [kept] = response.headers.get_list("set-cookie")
    cookie = SimpleCookie(kept)["recuerda_sso"]
    assert (cookie["path"], cookie["samesite"], cookie["max-age"]) == (START, "lax", "600")
    assert cookie["httponly"]
    assert "form-action 'self'" in response.headers["content-security-policy"]
    assert response.headers["location"].count("code_challenge_method=S256") == 1


async def test_over_https_its_cookies_are_secure(tmp_path: Path, provider: Provider) -> None:
    async with run_shop(configured(tmp_path, provider, public_url="https://shop.example/")) as shop:
        response = await shop.http.get(START)
        assert "; Secure" in response.headers["set-cookie"]
        assert "redirect_uri=https%3A%2F%2Fshop.example%2Fconsole%2F" in response.headers["location"]


async def test_an_id_token_that_does_not_hold(browser: Browser, provider: Provider) -> None:
    at = int(time.time())
    lies: list[dict[str, Any]] = [
        {"nonce": "another"},
        {"nonce": None},
        {"exp": at - 3600},
        {"exp": None},
        {"iat": at + 3600},
        {"aud": "somebody-else"},
        {"aud": "somebody-else", "azp": CLIENT},
        {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
        {"iss": "https://evil.example"},
        {"sub": None},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ]
    for provider.token in lies:
        await refused(browser, await browser.sign_on(), "failed", provider.token)
    for provider.token in (
        {},
        {"exp": at - 20},
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "other"], "azp": CLIENT},
    ):
        assert (await browser.sign_on()).headers["location"] == "/console/review"


async def test_a_signature_of_another_key(browser: Browser, provider: Provider) -> None:
    provider.signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    await refused(browser, await browser.sign_on(), "failed")


async def test_a_signature_anybody_could_make(browser: Browser, provider: Provider) -> None:
    for provider.algorithm in ("none", "HS256"):
        await refused(browser, await browser.sign_on(), "failed", provider.algorithm)


async def test_a_key_changed_between_two_sign_ins(browser: Browser, provider: Provider) -> None:
    await browser.sign_on()
    before, name = provider.signing, provider.key_id
    provider.turn_key()
    assert (await browser.sign_on()).headers["location"] == "/console/review"
    provider.signing, provider.key_id = before, name  # withdrawn: worth nothing any more
    assert (await browser.sign_on()).headers[
        "location"
    ] == "/console/sign-in?sso=failed&next=%2Fconsole%2Freview"


async def test_an_answer_with_another_state(browser: Browser, provider: Provider) -> None:
    for state in ("another", "", "é"):
        back = httpx.URL(await browser.answered(await browser.set_out()))
        response = await browser.http.get(back.copy_merge_params({"state": state}))
        await refused(browser, response, "stale", state)
    assert not provider.asked  # the code was not even tried


async def test_an_answer_in_another_browser(browser: Browser, provider: Provider) -> None:
    """Somebody sends an agent the end of their own sign-in, to have them work under another name."""
    back = await browser.answered(await browser.set_out())
    browser.http.cookies.clear()
    await refused(browser, await browser.http.get(back), "stale")
    await browser.set_out()  # the agent had begun one too
    await refused(browser, await browser.http.get(back), "stale")
    assert not provider.asked


async def test_a_cookie_of_somebody_elses_making(browser: Browser) -> None:
    back = await browser.answered(await browser.set_out())
    kept = browser.http.cookies["recuerda_sso"]
    browser.http.cookies.clear()
    browser.http.cookies.set("recuerda_sso", kept[:-8] + "AAAAAAAA", path=START)
    await refused(browser, await browser.http.get(back), "stale")


async def test_an_answer_that_took_too_long(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sso, "now", lambda: now() - timedelta(minutes=11))
        away = await browser.set_out()
    assert browser.http.cookies["recuerda_sso"]
    await refused(browser, await browser.http.get(await browser.answered(away)), "stale")


async def test_an_answer_twice(browser: Browser, provider: Provider) -> None:
    back = await browser.answered(await browser.set_out())
    kept = browser.http.cookies["recuerda_sso"]
    assert (await browser.http.get(back)).headers["location"] == "/console/review"
    await browser.post("/console/sign-out", on="/console/review")
    await refused(browser, await browser.http.get(back), "stale")  # the cookie is gone
    browser.http.cookies.set("recuerda_sso", kept, path=START)
    await refused(browser, await browser.http.get(back), "failed")  # and the code is used up
    assert len(provider.asked) == 2


async def test_a_code_that_somebody_else_began(browser: Browser, provider: Provider) -> None:
    """A stolen code in a sign-in of one's own: PKCE."""
    stolen = httpx.URL(await browser.answered(await browser.set_out())).params["code"]
    own = httpx.URL(await browser.answered(await browser.set_out()))
    response = await browser.http.get(own.copy_merge_params({"code": stolen}))
    await refused(browser, response, "failed")
    assert [asked["code"] for asked in provider.asked] == [stolen]


async def test_the_person_declines(browser: Browser) -> None:
    state = httpx.URL(await browser.set_out()).params["state"]
    response = await browser.http.get(
        f"{START}/callback",
        params={"error": "access_denied", "error_description": "<b>secret</b>", "state": state},
    )
    await refused(browser, response, "declined")
    assert "secret" not in await browser.get(response.headers["location"])


async def test_an_address_that_is_no_agents(browser: Browser, provider: Provider) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"email_verified": False}, "unverified"),
        ({"email_verified": "false"}, "unverified"),
        ({"email_verified": False, "xms_edov": True}, "unverified"),
        ({"email": ""}, "unverified"),
        ({"email": "nobody@example.com"}, "unknown"),
        ({"email": [EMAIL]}, "unknown"),
    ]
    for person, why in cases:
        provider.person = PERSON | person
        await refused(browser, await browser.sign_on(), why, person)
    assert [agent.email for agent in await browser.everybody()] == [EMAIL]


async def test_an_address_that_only_looks_like_an_agents(browser: Browser, provider: Provider) -> None:
    async with browser.shop.recuerda.db.write() as session:
        await create_agent(session, "kim@example.com", "Kim", PASSWORD)
    provider.person["email"] = "\u212aim@example.com"  # the Kelvin sign, whose lower case is k
    await refused(browser, await browser.sign_on(), "unknown")


async def test_microsoft_says_verified_in_its_own_way(browser: Browser, provider: Provider) -> None:
    provider.person = {"sub": "1", "email": "Agent@Example.com", "xms_edov": True}
    provider.about = {"sub": "1", "email": "Agent@Example.com"}
    assert (await browser.sign_on()).headers["location"] == "/console/review"


async def test_a_provider_that_says_more_when_asked(browser: Browser, provider: Provider) -> None:
    provider.about, provider.person = provider.person, {"sub": provider.person["sub"]}
    assert (await browser.sign_on()).headers["location"] == "/console/review"
    await browser.post("/console/sign-out", on="/console/review")
    provider.about = provider.about | {"sub": "somebody else"}
    await refused(browser, await browser.sign_on(), "failed")


async def test_a_provider_that_wants_the_secret_otherwise(browser: Browser, provider: Provider) -> None:
    provider.secret_in_form = True
    assert (await browser.sign_on()).headers["location"] == "/console/review"


async def test_a_disabled_agent_stays_out_and_a_locked_one_does_not(browser: Browser) -> None:
    for _ in range(MAX_FAILURES):
        await browser.sign_in(password="guess")
    assert (await browser.sign_in()).status_code == 401  # locked
    assert (await browser.sign_on()).headers["location"] == "/console/review"
    async with browser.shop.recuerda.db.write() as session:
        agent = await agents.by_email(session, EMAIL)
        assert agent
        await agents.disable(session, agent)
    await refused(browser, await browser.sign_on(), "unknown")


async def test_it_leads_nowhere_else(browser: Browser) -> None:
    for trick in (
        "//evil.example",
        "https://evil.example",
        "/console//evil",
        "/console/\\evil",
        "/console/" + 5000 * "x",
    ):
        assert (await browser.sign_on(trick)).headers["location"] == "/console/review"


async def test_a_provider_that_is_down(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with run_shop(configured(tmp_path, Provider())) as shop:  # nobody serves this one
        async for browser in browsing(shop):
            await refused(browser, await browser.http.get(START), "unavailable")
            assert "cannot be reached (ConnectError)" in caplog.text
            assert (await browser.sign_in()).status_code == 303  # the password still does


async def test_a_provider_that_does_not_fit(
    browser: Browser, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"issuer": "https://evil.example"}, "calls itself otherwise"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "does not sign with a key of its own"),
        ({"authorization_endpoint": None}, "does not answer as an OpenID Connect provider"),
    ]
    for provider.description, said in cases:
        await refused(browser, await browser.http.get(START), "unavailable", said)
        assert said in caplog.text


async def test_a_provider_that_goes_away_meanwhile(browser: Browser, provider: Provider) -> None:
    back = await browser.answered(await browser.set_out())
    provider.description = {"token_endpoint": "http://127.0.0.1:9/token"}
    await refused(browser, await browser.http.get(back), "unavailable")


async def test_roles_are_the_providers(with_roles: Browser, provider: Provider) -> None:
    browser = with_roles
    provider.person |= {"email": "New@Example.com", "name": "Nuria", "roles": ["staff", "admin", "reviewer"]}
    assert (await browser.sign_on()).headers["location"] == "/console/review"
    made = (await browser.everybody())[1]
    assert (made.email, made.name, made.role) == ("new@example.com", "Nuria", "admin")
    await browser.get("/console/agents")
    await browser.post("/console/sign-out", on="/console/review")
    provider.person["roles"] = "reviewer"
    await browser.sign_on()
    await browser.get("/console/agents", status=403)
    await browser.post("/console/sign-out", on="/console/review")
    nothings: list[Any] = [[], "owner", "Admin", None, {"admin": True}]
    for nothing in nothings:
        provider.person["roles"] = nothing
        await refused(browser, await browser.sign_on(), "unknown")
    assert [(e.actor, e.action, e.target) for e in reversed(await browser.log())] == [
        (provider.issuer, "agent.create", made.id),
        ("new@example.com", "agent.sign-in", "single sign-on"),
        (provider.issuer, "agent.make-reviewer", made.id),
        ("new@example.com", "agent.sign-in", "single sign-on"),
    ]


async def test_a_role_leaves_other_rights_alone(with_roles: Browser, provider: Provider) -> None:
    provider.person["roles"] = ["admin"]
    await with_roles.sign_on()
    [agent] = await with_roles.everybody()
    assert (agent.role, agent.special) == ("admin", True)


async def test_tries_are_counted(tmp_path: Path, provider: Provider) -> None:
    async with run_shop(configured(tmp_path, provider, rate_sign_in=3)) as shop:
        tried = [(await shop.http.get(f"{START}/callback")).status_code for _ in range(4)]
        assert tried == [303, 303, 303, 429]
        assert (await shop.http.get(START)).status_code == 429


async def test_nothing_of_it_without_a_provider(stranger: Console) -> None:
    assert START not in await stranger.get("/console/sign-in?sso=failed")
    for path in (START, f"{START}/callback"):
        await stranger.get(path, status=404)
    code = "import sys, recuerda.api.server; print([m for m in sys.modules if m.startswith('authlib')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


async def test_without_the_extra(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "authlib.integrations.base_client", None)
    await refused(browser, await browser.http.get(START), "unavailable")
    assert "pip install 'recuerda[oidc]'" in caplog.text


async def test_the_doctor_looks_at_it(
    tmp_path: Path, provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    async def found(**given: object) -> str:
        await doctor.examine(configured(tmp_path, provider, **given))
        return next(line for line in capsys.readouterr().out.splitlines() if "sign-on" in line)

    assert "✓" in (line := await found())
    assert f"it must know {HOME}{START}/callback" in line
    assert "✗" in (line := await found(public_url=""))
    assert "set RECUERDA_OIDC_CLIENT_ID and RECUERDA_PUBLIC_URL" in line
    assert "cannot be reached" in await found(oidc_issuer=Provider().issuer)
    assert "not used" in await found(oidc_issuer="")


@pytest.mark.parametrize("issuer", ["http://login.example.com", "http://localhost.evil.example", "login"])
def test_a_provider_in_the_clear_is_refused(tmp_path: Path, issuer: str) -> None:
    with pytest.raises(ValidationError):
        make_settings(tmp_path, oidc_issuer=issuer)


def test_every_reason_has_words_in_every_language() -> None:
    for language in ("en", "es", "pt"):
        said = {key.removeprefix("sign_in.sso.") for key in texts(language) if key.startswith("sign_in.sso.")}
        assert said == {"stale", "declined", "failed", "unverified", "unknown", "unavailable"}, json.dumps(
            language
        )
