"""A real server and a real Chromium; skipped, saying why, where there is none."""

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from recuerda.access.agents import create_agent
from recuerda.api.server import create_app
from recuerda.app import Recuerda
from recuerda.demo import load_knowledge
from tests.conftest import make_settings
from tests.servers import free_port

BRAND = f"http://localhost:{free_port()}"  # whose page may hold the chat
EMAIL, PASSWORD = "agent@example.com", "correct horse battery"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@dataclass
class Site:
    url: str


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo with its knowledge and one agent; customers begin as strangers."""
    settings = make_settings(tmp_path_factory.mktemp("site"), cors_origins=BRAND)
    loaded = threading.Event()
    tasks = []

    async def load(recuerda: Recuerda) -> None:
        async with recuerda.db.write() as session:
            await create_agent(session, EMAIL, "Ana", PASSWORD, "admin")
        await load_knowledge(recuerda)
        loaded.set()

    app = create_app(settings, demo=True, on_start=lambda r: tasks.append(asyncio.ensure_future(load(r))))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert loaded.wait(120), "the demo did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Site(f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join(30)


# Not for the session: while Playwright runs, its event loop is in the way of every async test.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip(f"no Chromium on this machine; looked for {', '.join(_NAMES)} and in $CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGS)
        yield browser
        browser.close()


class Watched:
    """A person's browser. What goes wrong in it, or leaves this machine, fails the test."""

    def __init__(
        self, browser: Browser, site: Site, language: str, also: str = "data:", **options: object
    ) -> None:
        self.site, self._also = site, also
        self.wrong: list[str] = []
        self.context: BrowserContext = browser.new_context(base_url=site.url, locale=language, **options)  # type: ignore[arg-type]
        self.context.set_default_timeout(30_000)
        self.context.on("request", self._look)
        self.context.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))
        self.context.on("weberror", lambda error: self.wrong.append(str(error.error)))
        self.context.on("console", self._listen)
        self.page: Page = self.context.new_page()

    def _look(self, request: object) -> None:
        url: str = request.url  # type: ignore[attr-defined]
        if not url.startswith((self.site.url, "data:", self._also)):
            self.wrong.append(f"request to {url}")

    def _listen(self, message: object) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:  # type: ignore[attr-defined]
            self.wrong.append(message.text)  # type: ignore[attr-defined]


class People:
    def __init__(self, browser: Browser, site: Site) -> None:
        self._browser = browser
        self._site = site
        self.all: list[Watched] = []

    def someone(self, language: str = "es", *, also: str = "data:", **options: Any) -> Watched:
        """`also` is an origin they may visit besides ours."""
        self.all.append(person := Watched(self._browser, self._site, language, also, **options))
        return person

    def shopper(self, who: str, language: str = "es", **options: Any) -> Page:
        """Somebody on the shop's page, the chat closed."""
        page = self.someone(language, **options).page
        page.goto(f"/shop?as={who}")
        page.goto(f"/shop?lang={language}")
        return page

    def agent(self, language: str = "es") -> Page:
        page = self.someone(language).page
        page.goto("/console/")
        page.locator("#email").fill(EMAIL)
        page.locator("#password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/console/review")
        return page


@pytest.fixture
def people(chromium: Browser, site: Site) -> Iterator[People]:
    people = People(chromium, site)
    yield people
    wrong = [problem for person in people.all for problem in person.wrong]
    for person in people.all:
        person.context.close()
    assert not wrong
