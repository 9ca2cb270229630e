"""The chat's own manners: kept on reload, forgetting, failing, a person taking over, no markup."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.chat import open_chat, say
from tests.browser.conftest import People
from tests.conftest import KEY

SAID = "Uso talla 42 y tengo el arco alto"
ATTACK = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


def test_what_was_said_is_there_after_a_reload(people: People) -> None:
    page = people.shopper("new")
    open_chat(page)
    say(page, SAID)
    expect(page.locator("recuerda-chat .remembered")).to_contain_text("talla 42")
    page.goto("/shop/products/puente")
    expect(page.locator("recuerda-chat .customer .text")).to_have_text(SAID)
    expect(page.locator("recuerda-chat .remembered")).to_contain_text("talla 42")


def test_a_fact_is_forgotten_with_its_button(people: People) -> None:
    page = people.shopper("new")
    open_chat(page)
    say(page, SAID)
    row = page.locator("recuerda-chat .remembered li", has_text="talla 42")
    row.get_by_role("button").press("Enter")
    expect(row).to_have_class("forgotten")
    expect(row).to_be_focused()
    expect(say(page, "¿Qué sabes de mí?")).not_to_contain_text("42")


def test_what_is_known_is_read_as_a_list(people: People) -> None:
    page = people.shopper("new")
    open_chat(page)
    say(page, SAID)
    page.locator("recuerda-chat .remembered").wait_for()
    told = say(page, "¿Qué sabes de mí?")
    expect(told.locator(".text li").first).to_contain_text("talla 42")
    assert "\n- " not in told.inner_text()


def test_dashes_that_are_no_list_stay(people: People) -> None:
    page = people.shopper("new")
    said = "Dos cosas:\n- talla 42\n- <b>arco</b> alto\n-5 grados - y nada más"
    shown = page.evaluate(
        """async (text) => {
            const { rich } = await import("/widget/dom.js");
            const box = document.createElement("div");
            box.append(rich(text));
            return box.innerHTML;
        }""",
        said,
    )
    assert shown == (
        "Dos cosas:<ul><li>talla 42</li><li>&lt;b&gt;arco&lt;/b&gt; alto</li></ul>-5 grados - y nada más"
    )


def test_the_keyboard_is_enough(people: People) -> None:
    page = people.shopper("new")
    open_chat(page)
    page.keyboard.type("Hola")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("¿hacen envíos?")
    expect(page.locator("recuerda-chat #field")).to_have_value("Hola\n¿hacen envíos?")
    page.keyboard.press("Enter")
    expect(page.locator("recuerda-chat .assistant:not(.draft)")).to_have_count(1)
    expect(page.locator("recuerda-chat #field")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("recuerda-chat .launcher")).to_be_focused()
    expect(page.locator("recuerda-chat dialog")).not_to_be_visible()


def test_a_suggestion_begins_the_conversation(people: People) -> None:
    page = people.shopper("new", "pt")
    open_chat(page)
    chips = page.locator("recuerda-chat .chips button")
    expect(chips).to_have_count(3)
    chips.last.press("Enter")
    expect(page.locator("recuerda-chat .customer .text")).to_have_text("O que você sabe sobre mim?")
    expect(page.locator("recuerda-chat .assistant:not(.draft)")).to_have_count(1)


def test_a_question_is_answered_with_a_button(people: People) -> None:
    page = people.shopper("new", "es")
    open_chat(page)
    say(page, "Tengo diabetes y busco zapatos cómodos")
    answers = page.locator("recuerda-chat .answers button")
    expect(answers).to_have_text(["Sí", "No"])
    page.goto("/shop/products/puente")  # asked still
    answers.first.press("Enter")
    expect(page.locator("recuerda-chat .customer .text").last).to_have_text("Sí")
    expect(page.locator("recuerda-chat .assistant:not(.draft)").last).to_contain_text("lo recordaré")
    expect(answers).to_have_count(0)


def test_a_message_that_failed_is_sent_once(people: People) -> None:
    page = people.shopper("new")
    open_chat(page)
    keys: list[str | None] = []

    def lose_the_answer(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) == 1:
            route.fetch()  # it arrives, but the answer does not come back
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/conversations/*/messages", lose_the_answer)
    page.keyboard.type("Hola, ¿hacen envíos a Lima?")
    page.keyboard.press("Enter")
    retry = page.locator("recuerda-chat .retry")
    retry.press("Enter")
    expect(page.locator("recuerda-chat .assistant:not(.draft)")).to_have_count(1)
    expect(retry).to_have_count(0)
    assert len(keys) == 2
    assert keys[0] == keys[1]
    page.unroute_all()
    page.reload()
    expect(page.locator("recuerda-chat .customer")).to_have_count(1)
    expect(page.locator("recuerda-chat .assistant")).to_have_count(1)


def test_offline_is_said_and_mended_by_itself(people: People) -> None:
    page = people.shopper("new")
    open_chat(page)
    say(page, "Hola")
    page.context.set_offline(True)
    expect(page.locator("recuerda-chat .offline")).to_be_visible()
    page.keyboard.type("¿Tienen tienda en Lima?")
    page.keyboard.press("Enter")
    expect(page.locator("recuerda-chat .retry")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("recuerda-chat .assistant:not(.draft)")).to_have_count(2)
    expect(page.locator("recuerda-chat .offline")).not_to_be_visible()


def test_a_person_takes_over_and_the_chat_is_rated(people: People) -> None:
    page = people.shopper("new")
    open_chat(page)
    say(page, "Hola, una pregunta")
    page.locator("recuerda-chat .actions button").first.press("Enter")
    expect(page.locator("recuerda-chat .notice").last).to_contain_text("equipo")
    agent = people.agent()
    agent.goto("/console/conversations?status=waiting")
    agent.locator("tbody th a").first.click()
    agent.get_by_role("button", name="Tomar la conversación").click()
    agent.locator("#text").fill(f"Hola, soy Ana {ATTACK}")
    agent.get_by_role("button", name="Enviar").click()
    told = page.locator("recuerda-chat .agent .text")
    expect(told).to_have_text(f"Hola, soy Ana {ATTACK}")
    page.locator("recuerda-chat #field").fill("Gracias, Ana")
    page.keyboard.press("Enter")
    expect(agent.locator("[data-live] .customer .said").last).to_have_text("Gracias, Ana")
    agent.get_by_role("button", name="Resolver").click()
    rating = page.locator("recuerda-chat .rating")
    rating.wait_for()
    rating.get_by_role("radio").last.press("Space")
    rating.get_by_role("button").first.press("Enter")
    expect(rating).to_contain_text("Gracias")
    agent.reload()
    expect(agent.locator(".head")).to_contain_text("5 de 5")


def test_a_conversation_that_is_gone_begins_anew(people: People) -> None:
    page = people.shopper("new")
    open_chat(page)
    page.evaluate("sessionStorage.setItem('recuerda-conversation', 'cnv_of_somebody_else')")
    page.reload()
    expect(page.locator("recuerda-chat .empty")).to_be_visible()
    say(page, "Hola")


def test_what_was_erased_leaves_the_page(people: People) -> None:
    page = people.shopper("new")
    open_chat(page)
    say(page, SAID)
    page.locator("recuerda-chat .remembered").wait_for()
    agent = people.agent()
    talk = page.evaluate("sessionStorage.getItem('recuerda-conversation')")
    agent.goto(f"/console/conversations/{talk}")
    brand = {"Authorization": f"Bearer {KEY}"}
    customer = page.request.get(f"/v1/conversations/{talk}", headers=brand).json()["customer_id"]
    assert page.request.delete(f"/v1/customers/{customer}", headers=brand).status == 202
    page.locator("recuerda-chat #field").focus()
    page.keyboard.type("¿Sigues ahí?")
    page.keyboard.press("Enter")
    expect(page.locator("recuerda-chat .notice")).to_contain_text("ya no está")
    expect(page.locator("recuerda-chat .message")).to_have_count(0)
    expect(page.locator("recuerda-chat #field")).to_have_value("¿Sigues ahí?")
    page.keyboard.press("Enter")
    expect(page.locator("recuerda-chat .assistant:not(.draft)")).to_have_count(1)
    expect(agent.locator("h1")).to_have_text("Aquí no hay nada")


def test_what_anybody_wrote_stays_text(people: People) -> None:
    page = people.shopper("new")
    open_chat(page)
    say(page, f"{ATTACK} [x](javascript:alert(3)) <b>Ana</b>")
    say(page, "Uso talla 42 <img src=x onerror=alert(4)>")
    expect(page.locator("recuerda-chat .remembered mark").first).to_contain_text("<img src=x")
    shadow = "document.querySelector('recuerda-chat').shadowRoot"
    assert page.evaluate(f"{shadow}.querySelectorAll('img, script, b, a[href^=javascript]').length") == 0


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("[Puente](/shop/products/puente)", ["{site}/shop/products/puente"]),
        ("Lo ves aquí: /shop/products/puente.", ["{site}/shop/products/puente"]),
        ("https://example.com/a, y más", ["https://example.com/a"]),
        ("[click](javascript:alert(1))", []),
        ("[click](JaVaScRiPt:alert(1)) [d](data:text/html,x) [f](file:///etc/passwd)", []),
        ("talla 5/10, y/o 1/2 par, un/a", []),
        ("[a](https://evil.example)", ["https://evil.example/"]),
    ],
)
def test_links_are_safe(people: People, text: str, links: list[str]) -> None:
    page = people.shopper("new")
    script = """async (text) => {
        const { rich } = await import('/widget/dom.js');
        const fragment = rich(text);
        return [fragment.textContent, [...fragment.querySelectorAll('a')].map(a => a.href)];
    }"""
    shown, found = page.evaluate(script, text)
    assert found == [link.replace("{site}", page.evaluate("location.origin")) for link in links]
    if "evil" in text:
        assert "evil.example" in shown  # a title cannot hide where it leads


@pytest.mark.parametrize("size", [(390, 844), (1280, 800)])
def test_targets_are_large_enough_and_nothing_is_cut(people: People, size: tuple[int, int]) -> None:
    page = people.shopper("new", viewport={"width": size[0], "height": size[1]})
    open_chat(page)
    say(page, SAID)
    page.locator("recuerda-chat .remembered").wait_for()
    _targets(page)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def _targets(page: Page) -> None:
    small = page.evaluate(
        """[...document.querySelector('recuerda-chat').shadowRoot.querySelectorAll('button, textarea')]
            .filter(e => e.offsetParent !== null && e.getBoundingClientRect().height < 43.5)
            .map(e => e.className + ' ' + e.textContent)"""
    )
    assert small == []
