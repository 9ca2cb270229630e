"""`kill -9` in the middle of things: nothing acknowledged is lost, nothing is done twice."""

import asyncio
import contextlib
import random
import signal
from collections import Counter
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col, func, select

from recuerda.db import Database
from recuerda.models import Author, Fact, Job, JobState, Message
from tests.conftest import make_settings
from tests.processes import Server

CUSTOMERS = 4
KILLS = 3


async def _say(http: httpx.AsyncClient, conversation: str, text: str, said: list[str]) -> None:
    """Noted as said as soon as it is acknowledged; then listens to the reply, until killed."""
    async with http.stream(
        "POST",
        f"/v1/conversations/{conversation}/messages",
        json={"text": text},
        headers={"Accept": "text/event-stream"},
    ) as response:
        async for line in response.aiter_lines():
            if line == "event: accepted":
                said.append(text)  # noqa: PERF401 - noted as it comes: the next line may never


async def _chat(server: Server, number: int, said: list[str]) -> None:
    """One customer talking until the server is gone."""
    with contextlib.suppress(httpx.TransportError):
        async with server.client() as http:
            opened = await http.post("/v1/conversations", json={"customer": {"external_id": f"c{number}"}})
            conversation = opened.json()["id"]
            for turn in range(1000):
                text = f"Hola, mi talla es {36 + turn % 10} y este es mi mensaje {uuid4().hex}"
                await _say(http, conversation, text, said)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_kill_9_loses_nothing_and_doubles_nothing(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    environment = {}
    if kind == "postgresql":
        environment = {
            "RECUERDA_DATABASE_URL": request.getfixturevalue("postgres_url"),
            "RECUERDA_CHROMA_URL": request.getfixturevalue("chroma_url"),
        }
    server = Server(tmp_path / "data", environment)
    said: list[list[str]] = [[] for _ in range(CUSTOMERS)]
    for _ in range(KILLS):
        await server.start()
        talks = [asyncio.create_task(_chat(server, n, said[n])) for n in range(CUSTOMERS)]
        before = sum(map(len, said))
        while sum(map(len, said)) == before:  # a cold start on a busy machine takes a while
            await asyncio.sleep(0.05)
        await asyncio.sleep(random.uniform(0.1, 2.0))
        server.kill()
        await asyncio.gather(*talks)
    acknowledged = [text for texts in said for text in texts]
    assert acknowledged

    await server.start()
    settings = make_settings(tmp_path / "data", database_url=environment.get("RECUERDA_DATABASE_URL", ""))
    db = Database(settings.database)
    try:
        await _finished(db)
        async with db.read() as session:
            rows = (await session.exec(select(Message))).all()
            facts = (await session.exec(select(Fact).where(col(Fact.status) == "active"))).all()
    finally:
        await db.close()
        assert server.kill(signal.SIGTERM) == 0
    texts = Counter(m.text for m in rows if m.author is Author.CUSTOMER)
    assert set(acknowledged) <= set(texts)
    assert max(texts.values()) == 1
    answered = Counter(m.reply_to for m in rows if m.author is Author.ASSISTANT)
    assert answered == Counter(m.id for m in rows if m.author is Author.CUSTOMER)
    sizes = Counter(f.customer_id for f in facts if f.attribute == "shoe_size")
    assert set(sizes.values()) == {1}


async def _finished(db: Database) -> None:
    """Every job has run: those of the dead process are taken over once their lease is out."""
    for _ in range(400):
        async with db.read() as session:
            query = select(func.count()).select_from(Job).where(col(Job.state) != JobState.DONE)
            with contextlib.suppress(sa.exc.OperationalError):
                if (await session.exec(query)).one() == 0:
                    return
        await asyncio.sleep(0.1)
    raise AssertionError("work was left undone")
