"""The chat on a brand's own page: another origin, another server, a token that server asks for."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.chat import open_chat, say
from tests.browser.conftest import BRAND, People, Site
from tests.conftest import KEY

PAGE = """<!doctype html><html lang="es"><title>Zapatería</title>
<link rel="icon" href="data:,">
<h1>Zapatería</h1>
<script type="module" src="{site}/widget.js" data-token-url="/chat-token" data-lang="es"></script>"""


@pytest.fixture
def brand(site: Site) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/chat-token":  # the brand knows who is signed in, and asks for them
                body = {"external_id": "cliente-7", "name": "Ana"}
                answer = httpx.post(
                    f"{site.url}/v1/tokens", json=body, headers={"Authorization": f"Bearer {KEY}"}
                )
                self._answer("application/json", answer.content)
            else:
                self._answer("text/html; charset=utf-8", PAGE.format(site=site.url).encode())

        def _answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", int(BRAND.rpartition(":")[2])), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield BRAND
    server.shutdown()
    server.server_close()


def test_the_chat_stands_on_another_sites_page(people: People, brand: str) -> None:
    page = people.someone(also=brand).page
    page.goto(brand)
    open_chat(page)
    say(page, "Uso talla 42 y tengo el arco alto")
    expect(page.locator("recuerda-chat .remembered")).to_contain_text("talla 42", timeout=30_000)
    page.reload()
    expect(page.locator("recuerda-chat .customer .text")).to_contain_text("talla 42")


def test_a_page_that_is_not_listed_gets_no_chat(people: People, brand: str) -> None:
    """The same server by another name is another origin."""
    stranger = brand.replace("localhost", "127.0.0.1")
    person = people.someone(also=stranger)
    person.page.goto(stranger)
    with pytest.raises(Exception, match="Timeout"):
        person.page.locator("recuerda-chat .launcher").wait_for(timeout=2000)
    assert any("CORS" in problem for problem in person.wrong)
    person.wrong.clear()
