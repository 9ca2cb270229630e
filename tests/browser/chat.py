"""What a customer does with the chat, by keyboard."""

from playwright.sync_api import Locator, Page, expect


def open_chat(page: Page) -> None:
    launcher = page.locator("recuerda-chat .launcher")
    launcher.wait_for()
    launcher.focus()
    page.keyboard.press("Enter")
    expect(page.locator("recuerda-chat #field")).to_be_focused()


def say(page: Page, text: str) -> Locator:
    """Write it and wait for the reply; returns the reply."""
    replies = page.locator("recuerda-chat .assistant:not(.draft)")
    before = replies.count()
    page.locator("recuerda-chat #field").focus()
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(replies).to_have_count(before + 1, timeout=60_000)
    return replies.last


def new_conversation(page: Page) -> None:
    page.locator("recuerda-chat .actions button").last.click()
    page.locator("recuerda-chat .rating button").nth(1).click()
    expect(page.locator("recuerda-chat .empty")).to_be_visible()
