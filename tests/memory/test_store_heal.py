"""A killed process, a damaged file, a lost folder: answers stay right, and the index heals from SQL."""

import asyncio
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recuerda.memory import Memories, cache
from recuerda.memory.home import Home
from tests.memory.stores import customer, memories, said

PEOPLE = ["ana", "bruno", "carla"]
EACH = 1100  # Chroma writes a shard's files once it has taken a thousand


async def fill(folder: Path) -> None:
    async with memories(folder) as (service, db):
        for person in PEOPLE:
            await customer(db, person)
            async with db.write() as session:
                items = [said(n, f"{person} bought item{n}") for n in range(EACH)]
                await service.remember(session, person, items)
        await service.reindex()


async def check(service: Memories) -> None:
    """Every customer gets exactly their own, and the right one first."""
    for person in PEOPLE:
        for n in (0, 17, EACH - 1):
            hits = await service.recall(person, f"{person} bought item{n}", floor=0.0, limit=5)
            assert hits[0].text == f"{person} bought item{n}"
            assert all(hit.text.startswith(f"{person} ") for hit in hits)


@pytest.fixture(autouse=True)
def _long_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold so little that answers about the past come through Chroma."""
    monkeypatch.setattr(cache, "HELD", 100)


async def healed(folder: Path) -> None:
    """Opens the folder; answers are right at once, and the index is whole soon."""
    async with memories(folder, ready=False) as (service, _):
        await check(service)
        assert await service.ready()
        status = await service.status()
        assert status["indexed"] == status["memories"] == EACH * len(PEOPLE)
    async with memories(folder) as (service, _):  # and stays whole
        await check(service)
        assert (await service.status())["owed"] == 0


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "chroma").glob("*/data_level0.bin"))


def truncate(folder: Path) -> None:
    for path in segments(folder):
        os.truncate(path, path.stat().st_size // 2)


def scribble(folder: Path) -> None:
    """Other bytes of the same length: Chroma notices nothing."""
    for path in segments(folder):
        data = bytearray(path.read_bytes())
        data[2000:60000] = random.Random(1).randbytes(58000)
        path.write_bytes(data)


def swell(folder: Path) -> None:
    """A header that asks for room for ten million entries: Chroma takes it, 4 GB for each file."""
    for path in (folder / "chroma").glob("*/header.bin"):
        header = bytearray(path.read_bytes())
        struct.pack_into("<Q", header, 12, 10_000_000)
        path.write_bytes(header)


def lose_ids(folder: Path) -> None:
    for path in (folder / "chroma").glob("*/index_metadata.pickle"):
        path.write_bytes(b"")


def lose_segment(folder: Path) -> None:
    shutil.rmtree(segments(folder)[0].parent)


def lose_folder(folder: Path) -> None:
    shutil.rmtree(folder / "chroma")


def lose_catalogue(folder: Path) -> None:
    (folder / "chroma" / "chroma.sqlite3").unlink()


def spoil_catalogue(folder: Path) -> None:
    path = folder / "chroma" / "chroma.sqlite3"
    os.truncate(path, path.stat().st_size // 2)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    asyncio.run(fill(folder))
    return folder


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        scribble,
        pytest.param(
            swell, marks=pytest.mark.skipif(sys.platform != "linux", reason="bounded on Linux only")
        ),
        lose_ids,
        lose_segment,
        lose_folder,
        lose_catalogue,
        spoil_catalogue,
    ],
)
async def test_damage_is_noticed_and_healed(
    filled: Path, tmp_path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(filled, folder)
    assert segments(folder), "the index must be on disk for this to mean anything"
    damage(folder)
    await healed(folder)
    assert "mended from SQL" in caplog.text


async def test_an_index_that_was_closed_well_is_not_probed(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(filled, folder, copy_function=shutil.copy2)
    monkeypatch.setattr(Home, "mend", None)
    async with memories(folder) as (service, _):
        await check(service)


WRITER = """
import asyncio, pathlib, sys
from tests.memory.stores import *
async def go():
    async with memories(pathlib.Path(sys.argv[1])) as (service, db):
        print("open", flush=True)
        n = 2000
        while True:
            for person in sys.argv[2:]:
                items = [said(i, f"{person} bought item{i}") for i in range(n, n + 500)]
                await remember(service, db, person, items)
            print("round", flush=True)
            n += 500
asyncio.run(go())
"""


@pytest.mark.parametrize("attempt", range(3))
async def test_killed_while_it_writes(filled: Path, tmp_path: Path, attempt: int) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(filled, folder)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), *PEOPLE], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout
    assert writer.stdout.readline() == "open\n"
    before = {path: path.stat().st_mtime_ns for path in segments(folder)}
    deadline = time.monotonic() + 300
    while {path: path.stat().st_mtime_ns for path in segments(folder)} == before:  # until Chroma persists
        assert time.monotonic() < deadline
    time.sleep(random.Random(attempt).random() * 0.02)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    async with memories(folder, ready=False) as (service, _):
        await check(service)
        assert await service.ready()
        status = await service.status()
        assert status["indexed"] == status["memories"]
        await check(service)
