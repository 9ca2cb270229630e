"""The helper computes, its parent writes; either may die at any moment."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from recuerda import helper
from recuerda.settings import Settings
from tests.conftest import Shop, run_shop
from tests.processes import Server


async def _until(what: Callable[[], object], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.05)


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]


async def _talk(shop: Shop, who: str) -> dict[str, object]:
    conversation = await shop.open(who)
    await shop.say(conversation, "Hola, mi talla es 42 y me llamo Ana")
    await shop.settle(conversation)
    turn = await shop.say(conversation, "¿qué sabes de mí?")
    facts = await shop.facts(await shop.customer_of(conversation))
    return {
        "reply": turn["reply"]["text"],
        "used": len(turn["reply"]["receipt"]["facts"]),
        "facts": sorted((f["statement"], f["value"], f["evidence"][0]["quote"]) for f in facts),
    }


def _refuse(*_: object) -> None:
    raise AssertionError("computed in the parent")


async def test_the_helper_computes_and_the_parent_does_when_it_is_gone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper, "_PAUSE", 0.1)
    async with run_shop(settings, helped=True) as shop:
        recuerda = shop.recuerda
        await _until(lambda: recuerda.helper.pid)
        first = recuerda.helper.pid
        with monkeypatch.context() as patched:
            patched.setattr(recuerda.fallback, "compose", _refuse)
            patched.setattr(recuerda.listener, "extract_now", _refuse)
            helped = await _talk(shop, "with")
        assert "42" in str(helped["reply"])
        assert helped["facts"]

        assert first
        os.kill(first, signal.SIGKILL)
        alone = await _talk(shop, "without")
        assert alone == helped

        await _until(lambda: recuerda.helper.pid not in (None, first))
        monkeypatch.setattr(recuerda.fallback, "compose", _refuse)
        assert (await _talk(shop, "again")) == helped
        last = recuerda.helper.pid
    assert last
    assert not _alive(last)


async def test_the_helper_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", {})
    await server.start()
    [helper] = await _children(server)
    server.kill()
    await _until(lambda: not _alive(helper), 10)


async def _children(server: Server) -> list[int]:
    """The one child that serves, once it has started."""

    def helpers() -> list[int]:
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if _is_helper(pid, server.pid)]

    await _until(helpers)
    return helpers()


def _is_helper(pid: int, parent: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return b"recuerda.helping" in words and int(after[1]) == parent
