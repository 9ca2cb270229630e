"""Every page in a browser: complete, named, on this machine only, and readable in light and dark."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import recuerda
from tests.browser.chat import open_chat, say
from tests.browser.conftest import EMAIL, People

SHOP = ("/shop", "/shop?terrain=trail&arch=high", "/shop?terrain=track&arch=flat", "/shop/products/puente",
        "/shop/help", "/shop/help/cambios-y-devoluciones", "/shop/nothing")  # fmt: skip
CONSOLE = (
    "/console/review",
    "/console/customers",
    "/console/conversations",
    "/console/jobs",
    "/console/requests",
    "/console/agents",
    "/console/audit",
    "/console/me",
    "/console/nothing",
)


def _check(page: Page) -> None:
    """One h1, headings in order, every control with a name, nothing wider than the screen."""
    expect(page.locator("h1")).to_have_count(1)
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert all(b - a <= 1 for a, b in pairwise(levels)), levels
    nameless = page.evaluate(
        """[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
            .filter(e => !e.labels.length && !e.ariaLabel).map(e => e.outerHTML)"""
    )
    assert nameless == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    squeezed = page.evaluate(  # a box to tick stands beside its words
        """[...document.querySelectorAll('.check')].filter(e => e.offsetHeight > 60 || e.offsetWidth > 400)
            .map(e => e.outerHTML)"""
    )
    assert squeezed == []


@pytest.mark.parametrize("language", ["en", "es", "pt"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_shops_pages(people: People, language: str, width: int) -> None:
    page = people.shopper("c-1002", language, viewport={"width": width, "height": 800})
    for path in SHOP:
        page.goto(path)
        assert page.locator("html").get_attribute("lang") == language
        _check(page)
        broken = page.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).length")
        assert broken == 0


@pytest.mark.parametrize("width", [320, 1280])
def test_the_consoles_pages(people: People, width: int) -> None:
    shopper = people.shopper("new")
    open_chat(shopper)
    say(shopper, "Uso talla 42 y tengo diabetes")
    shopper.locator("recuerda-chat .remembered").wait_for()
    agent = people.agent("en")
    agent.set_viewport_size({"width": width, "height": 800})
    for path in CONSOLE:
        agent.goto(path)
        _check(agent)
    for listed, link in (
        ("review", ".fact h2 a"),
        ("customers", "tbody th a"),
        ("conversations", "tbody th a"),
    ):
        agent.goto(f"/console/{listed}")
        agent.locator(link).first.click()
        _check(agent)


def test_the_review_works_without_scripts(people: People) -> None:
    shopper = people.shopper("new")
    open_chat(shopper)
    say(shopper, "Uso talla 38")
    shopper.locator("recuerda-chat .remembered").wait_for()
    plain = people.someone("en", java_script_enabled=False).page
    plain.goto("/console/")
    plain.fill("#email", EMAIL)
    plain.fill("#password", "correct horse battery")
    plain.click("form.sign-in button")
    plain.goto("/console/review?which=all")
    fact = plain.locator(".fact").first
    name = fact.get_attribute("id")
    fact.get_by_role("button", name="Confirm").click()
    expect(plain.locator(".done")).to_be_visible()
    assert plain.locator(f"#{name}").count() == 0


def test_the_api_docs_come_from_here(people: People) -> None:
    page = people.someone("en").page
    page.goto("/docs")
    expect(page.locator(".opblock").first).to_be_visible()


def test_the_prices_follow_the_person(people: People) -> None:
    for who, price in (("c-1001", "COP 329.000"), ("c-1005", "R$ 459,90"), ("c-1007", "US$ 79")):
        page = people.someone("en").page
        page.goto(f"/shop/products/puente?as={who}")
        expect(page.locator(".product .price")).to_have_text(re.compile(re.escape(price[:4])))


# -- contrast ----------------------------------------------------------------------------------------------
_STATIC = Path(recuerda.__file__).parent
PAIRS = [
    ("ink", "paper"), ("ink", "surface"), ("ink", "sunk"),
    ("ink-soft", "paper"), ("ink-soft", "surface"), ("ink-soft", "sunk"),
    ("accent", "paper"), ("accent", "surface"), ("accent", "sunk"),
    ("on-accent", "accent"), ("on-accent", "accent-deep"), ("on-mark", "mark"),
    ("accent-deep", "accent-wash"), ("ink", "accent-wash"), ("ink", "good-wash"),
    ("bad", "surface"), ("bad", "paper"), ("ink", "bad-wash"),
]  # fmt: skip


def _tokens(dark: bool, shop: bool) -> dict[str, str]:
    light_css, _, dark_css = (_STATIC / "widget/static/tokens.css").read_text().partition("@media")
    own = dict(re.findall(r"--recuerda-([\w-]+): (#\w+)", (_STATIC / "shop/static/shop.css").read_text()))
    found: dict[str, str] = {}
    for css in (light_css, dark_css) if dark else (light_css,):
        for name, theirs, value in re.findall(r"--([\w-]+): (?:var\(--recuerda-([\w-]+), )?(#\w{6})", css):
            found[name] = own.get(theirs, value) if shop else value
    return found


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("shop", [False, True])
@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out_from_their_ground(dark: bool, shop: bool) -> None:
    tokens = _tokens(dark, shop)
    for ink, ground in PAIRS:
        high, low = sorted((_luminance(tokens[ink]), _luminance(tokens[ground])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)
    for ground in ("paper", "surface", "sunk"):  # borders of controls, and the focus ring
        for line in ("control", "focus"):
            high, low = sorted((_luminance(tokens[line]), _luminance(tokens[ground])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 3, (line, ground)
