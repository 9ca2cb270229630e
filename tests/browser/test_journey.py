"""The whole story in a browser, in three languages: told once, remembered, reviewed, used, forgotten."""

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import new_conversation, open_chat, say
from tests.browser.conftest import People


@dataclass(frozen=True)
class Script:
    who: str
    name: str
    complaint: str
    quotes: tuple[str, ...]
    wants: str
    about_me: str
    statement: str


SCRIPTS = {
    "es": Script(
        "c-1001",
        "Catalina Ospina Rueda",
        "Hola, voy a devolver el último par: no me dieron soporte para mi arco alto. Uso talla 42",
        ("no me dieron soporte", "arco alto", "talla 42"),
        "¿Qué zapatillas me recomiendas comprar?",
        "¿Qué sabes de mí?",
        "Tiene el arco alto",
    ),
    "en": Script(
        "c-1007",
        "Hannah Whitlock",
        "Hi, I'm returning my last pair: they gave no support for my high arches. I wear size 42",
        ("no support", "high arches", "size 42"),
        "Which shoes should I buy?",
        "What do you know about me?",
        "Has high arches",
    ),
    "pt": Script(
        "c-1005",
        "Camila Azevedo Prado",
        "Oi, vou devolver o último par: não deu suporte para o meu arco alto. Uso tamanho 42",
        ("não deu suporte", "arco alto", "tamanho 42"),
        "Qual tênis você me recomenda comprar?",
        "O que você sabe sobre mim?",
        "Tem o arco alto",
    ),
}


@pytest.mark.parametrize("language", SCRIPTS)
def test_the_runners_story(people: People, language: str) -> None:
    script = SCRIPTS[language]
    runner = people.shopper(script.who, language)
    open_chat(runner)
    say(runner, script.complaint)
    remembered = runner.locator("recuerda-chat .remembered")
    remembered.wait_for()
    for quote in script.quotes:
        expect(remembered).to_contain_text(quote)

    agent = people.agent(language)
    _review(agent, script)

    new_conversation(runner)
    reply = say(runner, script.wants)
    link = reply.locator("a[href*='/shop/products/']").first
    expect(link).to_be_visible()
    because = reply.locator("summary")
    expect(because).to_contain_text(re.compile("arco alto|high arches"))
    because.press("Enter")
    expect(reply.locator("details ul")).to_contain_text("42")

    stranger = people.shopper("new", language)
    open_chat(stranger)
    other = say(stranger, script.wants)
    for quote in script.quotes:
        expect(other).not_to_contain_text(quote)

    expect(say(runner, script.about_me)).to_contain_text("42")

    _erase(agent, script)
    runner.reload()
    expect(runner.locator("recuerda-chat .empty")).to_be_visible()  # what was said is gone
    again = say(runner, script.about_me)
    expect(again).not_to_contain_text("42")
    link_to = people.shopper(script.who, language)
    link_to.goto("/shop/products/cumbre-alta")
    expect(link_to.locator("h1")).to_have_text("Cumbre Alta")


def _review(agent: Page, script: Script) -> None:
    """Confirm the size and mend the arch's statement, by keyboard alone."""
    agent.goto("/console/review?which=all&category=fit")
    before = agent.locator(".fact").count()
    assert before >= 2
    _walk_to(agent, r"\b42\b")
    agent.keyboard.press("c")
    expect(agent.locator(".done")).to_be_visible()
    expect(agent.locator(".fact")).to_have_count(before - 1)
    _walk_to(agent, "arco alto|arches")
    agent.keyboard.press("e")
    agent.keyboard.press("Control+a")
    agent.keyboard.type(script.statement)
    for _ in range(3):  # past value and reason, to the button
        agent.keyboard.press("Tab")
    agent.keyboard.press("Enter")
    expect(agent.locator(".fact")).to_have_count(before - 2)


def _walk_to(agent: Page, words: str) -> None:
    for _ in range(agent.locator(".fact").count() + 1):
        agent.keyboard.press("j")
        marked = agent.evaluate("document.activeElement.querySelector('h2')?.textContent ?? ''")
        if re.search(words, marked):
            return
    raise AssertionError(f"no fact about {words} in the queue")


def _erase(agent: Page, script: Script) -> None:
    agent.goto("/console/customers")
    agent.locator("input[type=search]").fill(script.name)
    agent.keyboard.press("Enter")
    agent.get_by_role("link", name=script.name).click()
    agent.locator(".danger summary").click()
    agent.locator("#word").fill(script.name)
    agent.keyboard.press("Enter")
    expect(agent.locator("code").first).to_have_text(re.compile("^era_"))
