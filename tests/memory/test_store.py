"""Recall over SQL and Chroma: what is kept, what is refused, what other processes may do."""

import asyncio
import contextlib
import json
import random
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from recuerda.customers import merge
from recuerda.db import Database
from recuerda.embeddings import to_bytes
from recuerda.errors import NotFound, SetupError
from recuerda.memory import Knowledge, Memories, NewDocument, cache, rows, touch
from recuerda.memory.home import Home
from recuerda.memory.shards import shards_for
from recuerda.models import Category, Customer, Fact, Memory, Passage, Source
from recuerda.settings import Settings
from tests.memory.stores import START, Words, customer, database, memories, remember, said


async def test_what_is_remembered_is_recalled_with_its_fields(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        await remember(
            service, db, "ana", [said(1, "the trail shoes hurt my heel", speaker="customer", channel="web")]
        )
        [hit] = await service.recall("ana", "trail shoes heel", floor=0.0)
        assert (hit.text, hit.speaker, hit.channel, hit.at) == (
            "the trail shoes hurt my heel",
            "customer",
            "web",
            START.replace(hour=1),
        )
        assert 0 < hit.score <= 1
        assert (await service.status())["indexed"] == 1


async def test_saying_it_again_changes_nothing_and_saying_it_anew_replaces(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        first = await remember(service, db, "ana", [said(1, "size forty")])
        version = await _version(db, "ana")
        assert await remember(service, db, "ana", [said(1, "size forty")]) == first
        assert await _version(db, "ana") == version
        assert await remember(service, db, "ana", [said(1, "size forty two")]) == first
        assert [hit.text for hit in await service.recall("ana", "size", floor=0.0)] == ["size forty two"]
        assert (await service.status())["memories"] == (await service.status())["indexed"] == 1


async def test_the_same_item_twice_in_one_call_is_one_memory(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        ids = await remember(service, db, "ana", [said(1, "red"), said(1, "blue")])
        assert ids[0] == ids[1]
        assert [hit.text for hit in await service.recall("ana", "blue", floor=0.0)] == ["blue"]


async def test_secrets_are_masked_before_they_are_written(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        await remember(service, db, "ana", [said(1, "my card is 4111 1111 1111 1111 thanks")])
        [hit] = await service.recall("ana", "card", floor=0.0)
        assert "4111" not in hit.text
        assert "[card]" in hit.text


async def test_an_unknown_customer_cannot_be_written_and_remembers_nothing(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        async with db.write() as session:
            with pytest.raises(NotFound):
                await service.remember(session, "nobody", [said(1, "hello")])
        assert await service.recall("nobody", "hello", floor=0.0) == []


async def test_a_write_rolled_back_is_not_remembered(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")

        async def fail() -> None:
            async with db.write() as session:
                await service.remember(session, "ana", [said(1, "ghost")])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        assert await service.recall("ana", "ghost", floor=0.0) == []


async def test_a_kept_history_follows_what_another_process_writes(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        await remember(service, db, "ana", [said(n, f"item number {n}") for n in range(5)])
        assert len(await service.recall("ana", "item", floor=0.0)) == 5
        other = await database(Settings(data_dir=tmp_path))  # a writer that knows nothing of our cache
        writer = Memories(other, Words(), Settings(data_dir=tmp_path))
        async with other.write() as session:
            await writer.remember(session, "ana", [said(9, "item number nine")])
        assert len(await service.recall("ana", "item", floor=0.0)) == 6
        async with other.write() as session:  # an older one, one changed, one gone
            await writer.remember(session, "ana", [said(-1, "item from before"), said(2, "item changed")])
            await session.exec(sa.delete(Memory).where(col(Memory.external_id) == "3"))
            await touch(session, "ana")
        texts = {hit.text for hit in await service.recall("ana", "item", floor=0.0)}
        assert {"item from before", "item changed"} <= texts
        assert not {"item number 2", "item number 3"} & texts
        await other.close()


async def test_only_what_was_added_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        await remember(service, db, "ana", [said(n, f"word{n} arrived") for n in range(5)])
        assert len(await service.recall("ana", "word1", floor=0.0, limit=50)) == 5
        monkeypatch.delattr(rows, "newest")
        # Also what is older than all that is known.
        await remember(service, db, "ana", [said(9, "umbrella arrived"), said(-9, "parrot arrived")])
        for word in ("umbrella", "parrot"):
            [hit] = await service.recall("ana", word, floor=0.0, limit=1)
            assert hit.text == f"{word} arrived"
        monkeypatch.undo()
        await remember(service, db, "ana", [said(9, "kite arrived"), said(10, "boat arrived")])
        found = {hit.text for hit in await service.recall("ana", "kite boat", floor=0.0, limit=50)}
        assert {"kite arrived", "boat arrived"} <= found
        assert "umbrella arrived" not in found


async def test_what_another_customer_had_is_read_once(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        await customer(db, "bruno")
        for n in range(3):
            await remember(service, db, "bruno", [said(n, f"parrot {n} arrived")])
        async with db.write() as session:
            await merge(session, "ana", "bruno", actor="agent")
        assert len(await service.recall("ana", "parrot", floor=0.0)) == 3
        async with db.read() as session:
            state = await rows.state(session, "ana")
            assert state is not None
            assert await rows.added(session, "ana", "words", state.version) == ([], None)


async def test_what_a_process_of_an_older_release_adds_is_found(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        await remember(service, db, "ana", [said(1, "word1 arrived")])
        await service.recall("ana", "word1")
        async with db.write() as session:
            [id] = await service.remember(session, "ana", [said(2, "parrot arrived")])
            await session.exec(sa.update(Memory).where(col(Memory.id) == id).values(version=0))
            await session.exec(sa.update(Customer).values(memory_additions=1))
        [hit] = await service.recall("ana", "parrot", floor=0.0, limit=1)
        assert hit.id == id


async def test_a_history_followed_is_the_one_read_anew(tmp_path: Path) -> None:
    """Whatever is added, changed, removed and given to another, in whatever order."""
    chance = random.Random(7)
    async with memories(tmp_path) as (service, db):
        for who in ("ana", "bruno"):
            await customer(db, who)
        for _ in range(120):
            who, n = chance.choice(("ana", "bruno")), chance.randrange(60)
            if chance.random() < 0.7:
                many = [
                    said(n + i, f"word{n} take{chance.randrange(9)}") for i in range(chance.randrange(1, 4))
                ]
                await remember(service, db, who, many)
            else:
                async with db.write() as session:
                    here = sa.delete(Memory).where(col(Memory.customer_id) == who)
                    await session.exec(here.where(col(Memory.external_id) == str(n)))
                    await touch(session, who)
            if chance.random() < 0.5:
                followed = await service.recall(who, "word7 take3", floor=0.0, limit=99)
                other = Memories(db, Words(), Settings(data_dir=tmp_path))
                anew = await other.recall(who, "word7 take3", floor=0.0, limit=99)
                assert {hit.id: hit.text for hit in followed} == {hit.id: hit.text for hit in anew}
                assert [round(h.score, 4) for h in followed] == [round(h.score, 4) for h in anew]


async def test_the_cache_is_bounded(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    db = await database(settings)
    service = Memories(db, Words(), settings, cache_bytes=60_000)
    await service.start()
    for name in "abcdefgh":
        await customer(db, name)
        await remember(service, db, name, [said(n, f"word{n} of {name}") for n in range(20)])
        assert len(await service.recall(name, "word1", floor=0.0, limit=50)) == 20
    status = await service.status()
    assert status["history_bytes"] <= 60_000
    assert 1 <= status["histories"] < 8
    await service.close()
    await db.close()


async def test_concurrent_recalls_and_writes_agree(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")

        async def write(n: int) -> None:
            await remember(service, db, "ana", [said(n, f"note {n}")])

        async def read() -> None:
            await service.recall("ana", "note", floor=0.0)

        await asyncio.gather(*(task for n in range(20) for task in (write(n), read())))
        assert len(await service.recall("ana", "note", floor=0.0, limit=50)) == 20


async def test_a_second_process_on_the_folder_is_refused(tmp_path: Path) -> None:
    async with memories(tmp_path):
        script = (
            "import asyncio, sys, pathlib\n"
            "from tests.memory.stores import memories\n"
            "async def go():\n"
            "    async with memories(pathlib.Path(sys.argv[1])): pass\n"
            "asyncio.run(go())\n"
        )
        other = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60
        )
        assert other.returncode
        assert "Another Recuerda process is using" in other.stderr
    async with memories(tmp_path):
        pass  # and once the first has gone it may


async def test_another_embedder_is_refused_until_reindexed(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        await remember(service, db, "ana", [said(n, f"trail shoes {n}") for n in range(30)])
    settings = Settings(data_dir=tmp_path)
    db = await database(settings)
    service = Memories(db, Words("others"), settings)
    with pytest.raises(SetupError, match="recuerda reindex"):
        await service.start()
    steps: list[tuple[int, int]] = []
    await service.reindex(lambda done, total: steps.append((done, total)))
    assert steps[-1][0] == steps[-1][1]
    await service.start()
    assert await service.ready()
    assert len(await service.recall("ana", "trail shoes 7", floor=0.0, limit=50)) == 30
    assert (await service.status())["indexed"] == 30
    await service.close()
    await db.close()


async def test_a_clean_close_is_trusted_and_an_empty_folder_is_ready_at_once(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        await remember(service, db, "ana", [said(1, "hello")])
    record = json.loads((tmp_path / "chroma" / "recuerda.json").read_text())
    assert record["memories"] == 1
    assert record["files"]
    async with memories(tmp_path) as (service, _):
        assert [hit.text for hit in await service.recall("ana", "hello", floor=0.0)] == ["hello"]


def test_shards_grow_with_the_memories() -> None:
    assert [shards_for(n) for n in (0, 1, 32_000, 32_001, 10**6, 10**8)] == [16, 16, 16, 32, 512, 1024]


async def _version(db: Database, id: str) -> int:
    async with db.read() as session:
        return (await session.get_one(Customer, id)).memory_version


async def test_a_history_too_long_to_hold_is_searched_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "HELD", 50)
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        await customer(db, "bruno")
        await remember(service, db, "bruno", [said(n, f"parrot word{n}") for n in range(300)])
        await remember(service, db, "ana", [said(0, "my parrot is called Zoltan")])
        await remember(service, db, "ana", [said(n, f"order word{n} arrived") for n in range(1, 400)])
        for number, asked in ((0, "parrot called Zoltan"), (17, "word17 arrived"), (399, "word399 arrived")):
            [hit] = await service.recall("ana", asked, floor=0.0, limit=1)
            assert hit.at == START + timedelta(hours=number)
        monkeypatch.setattr(service.vectors.upkeep, "_shards", None)  # and without Chroma
        monkeypatch.setattr(service.vectors.upkeep, "suspect", lambda error: None)
        [hit] = await service.recall("ana", "parrot called Zoltan", floor=0.0, limit=1)
        assert hit.text == "my parrot is called Zoltan"


@contextlib.asynccontextmanager
async def chroma_server(folder: Path) -> AsyncIterator[str]:
    """The address of a new one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    chroma = Path(sys.executable).with_name("chroma")
    server = subprocess.Popen(
        [chroma, "run", "--path", folder, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


async def test_a_chroma_server(tmp_path: Path) -> None:
    """Two processes' worth of services on one server, as with several workers."""
    async with (
        chroma_server(tmp_path / "server") as url,
        memories(tmp_path, url=url) as (one, db),
        memories(tmp_path, url=url) as (two, _),
    ):
        await customer(db, "ana")
        await remember(one, db, "ana", [said(n, f"word{n} arrived") for n in range(30)])
        assert len(await two.recall("ana", "word7", floor=0.0, limit=50)) == 30
        assert (await two.status())["indexed"] == 30
        async with db.write() as session:
            await session.exec(sa.delete(Memory).where(col(Memory.customer_id) == "ana"))
            await session.exec(sa.delete(Customer).where(col(Customer.id) == "ana"))
        await one.forget("ana")
        assert (await one.status())["indexed"] == 0


async def test_passages_and_facts_are_embedded_again_too(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    db = await database(settings)
    await customer(db, "ana")
    await Knowledge(db, Words(), settings).put(NewDocument("r", "Returns", "Thirty days.", "en"))
    fact = Fact(
        customer_id="ana",
        category=Category.FIT,
        statement="Wears 42",
        language="en",
        source=Source.AGENT,
        embedding=b"old",
        embedder="words",
    )
    async with db.write() as session:
        session.add(fact)
    assert (await Memories(db, Words("others"), settings).reindex())["embedded"] == 2
    async with db.read() as session:
        [passage] = (await session.exec(select(Passage))).all()
        known = await session.get_one(Fact, fact.id)
    assert passage.embedder == known.embedder == "others"
    assert passage.embedding == to_bytes(Words().embed(["Returns\nThirty days."])[0])
    assert known.embedding == to_bytes(Words().embed(["Wears 42"])[0])
    await db.close()


async def test_processes_that_start_together_mend_a_server_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with memories(tmp_path) as (service, db):  # embedded, so that a server has all to learn
        for name in "abcdefgh":
            await customer(db, name)
            await remember(service, db, name, [said(n, f"word{n} of {name}") for n in range(40)])
    async with (
        chroma_server(tmp_path / "server") as url,
        memories(tmp_path, url=url, ready=False) as (one, _),
        memories(tmp_path, url=url, ready=False) as (two, _),
    ):
        assert await one.ready()
        assert await two.ready()
        assert [(await service.status())["indexed"] for service in (one, two)] == [320, 320]
    assert [r.getMessage() for r in caplog.records if r.levelname in ("WARNING", "ERROR")] == [
        "The memory index was mended from SQL."
    ]


async def test_who_mends_a_server_does_not_throw_out_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        chroma_server(tmp_path / "server") as url,
        memories(tmp_path, url=url) as (one, db),
    ):
        await customer(db, "ana")
        await remember(one, db, "ana", [said(n, f"word{n} arrived") for n in range(3)])
        async with db.write() as session:  # not indexed yet, as while customers write
            late = await one.remember(
                session, "ana", [said(3, "word3 arrived")], await one.prepare([said(3, "word3 arrived")])
            )
            await session.exec(sa.delete(Memory).where(col(Memory.text).contains("word0")))
        async with memories(tmp_path, url=url) as (two, _):
            assert (await two.status())["indexed"] == 3
        caplog.clear()
        await one.index(late)
        await remember(one, db, "ana", [said(4, "word4 arrived")])
        assert (await one.status())["indexed"] == 4
        assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == []


async def test_what_comes_in_during_an_erasure_reaches_the_index_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended, written = asyncio.Event(), asyncio.Event()
    mend = Home.mend

    async def slow(home: Home, rebuild: list[int] | None, progress: Any = None) -> dict[str, int]:
        counts = await mend(home, rebuild, progress)
        mended.set()
        await written.wait()
        return counts

    monkeypatch.setattr(Home, "mend", slow)
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        erasing = asyncio.create_task(service.forget("bob"))
        await mended.wait()
        await remember(service, db, "ana", [said(1, "size forty")])
        assert (await service.status())["owed"] == 1
        written.set()
        await erasing
        status = await service.status()
        assert (status["owed"], status["indexed"]) == (0, 1)


async def test_an_index_closed_with_something_owed_is_looked_at_when_it_is_opened(tmp_path: Path) -> None:
    async with memories(tmp_path) as (service, db):
        await customer(db, "ana")
        ids = await remember(service, db, "ana", [said(1, "size forty")])
        await service.unindex("ana", ids)
        service.vectors.upkeep.owe(ids)
    async with memories(tmp_path) as (service, _):
        assert (await service.status())["indexed"] == 1
