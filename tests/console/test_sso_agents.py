"""Single sign-on: who gets in, as what, and how it is set up."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from recuerda import doctor
from recuerda.access import agents
from recuerda.access.agents import MAX_FAILURES, create_agent
from recuerda.console.texts import texts
from tests.conftest import make_settings
from tests.console.conftest import EMAIL, PASSWORD, Console
from tests.console.provider import PERSON, Provider
from tests.console.signing_on import (
    HOME,
    START,
    Browser,
    browser,
    configured,
    provider,
    refused,
    with_roles,
)

__all__ = ["browser", "provider", "with_roles"]


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


async def test_another_spelling_makes_no_second_agent(with_roles: Browser, provider: Provider) -> None:
    async with with_roles.shop.recuerda.db.write() as session:
        await create_agent(session, "kim@españa.example", "Kim", PASSWORD)
    for email in ("\u212aim@españa.example", "kim@xn--espaa-rta.example"):
        provider.person |= {"email": email, "roles": "admin"}
        await refused(with_roles, await with_roles.sign_on(), "unknown", email)
    assert {(agent.email, agent.role) for agent in await with_roles.everybody()} == {
        (EMAIL, "reviewer"),
        ("kim@españa.example", "reviewer"),
    }


async def test_microsoft_says_verified_in_its_own_way(browser: Browser, provider: Provider) -> None:
    provider.person = {"sub": "1", "email": "Agent@Example.com", "xms_edov": True}
    provider.about = {"sub": "1", "email": "Agent@Example.com"}
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


async def test_without_the_extra(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "authlib.integrations.base_client", None)
    await refused(browser, await browser.http.get(START), "unavailable")
    assert "pip install 'recuerda[oidc]'" in caplog.text


async def test_nothing_of_it_without_a_provider(stranger: Console) -> None:
    assert START not in await stranger.get("/console/sign-in?sso=failed")
    for path in (START, f"{START}/callback"):
        await stranger.get(path, status=404)
    code = "import sys, recuerda.api.server; print([m for m in sys.modules if m.startswith('authlib')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


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
