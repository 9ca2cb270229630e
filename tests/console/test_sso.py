"""Single sign-on against a real provider over HTTP, telling the truth and lying."""

import time
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from recuerda.console import sso
from recuerda.models import now
from tests.conftest import run_shop
from tests.console.conftest import EMAIL
from tests.console.provider import CLIENT, Provider
from tests.console.signing_on import (
    HOME,
    START,
    Browser,
    browser,
    browsing,
    configured,
    provider,
    refused,
)

__all__ = ["browser", "provider"]


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


async def test_a_provider_that_says_more_when_asked(browser: Browser, provider: Provider) -> None:
    provider.about, provider.person = provider.person, {"sub": provider.person["sub"]}
    assert (await browser.sign_on()).headers["location"] == "/console/review"
    await browser.post("/console/sign-out", on="/console/review")
    provider.about = provider.about | {"sub": "somebody else"}
    await refused(browser, await browser.sign_on(), "failed")


async def test_a_provider_that_wants_the_secret_otherwise(browser: Browser, provider: Provider) -> None:
    provider.secret_in_form = True
    assert (await browser.sign_on()).headers["location"] == "/console/review"


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


async def test_tries_are_counted(tmp_path: Path, provider: Provider) -> None:
    async with run_shop(configured(tmp_path, provider, rate_sign_in=3)) as shop:
        tried = [(await shop.http.get(f"{START}/callback")).status_code for _ in range(4)]
        assert tried == [303, 303, 303, 429]
        assert (await shop.http.get(START)).status_code == 429
