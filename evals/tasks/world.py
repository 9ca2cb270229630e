"""The product as the suites find it: a Recuerda of its own in a temporary folder, with the sample shop's
knowledge, reached in process and over HTTP."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
from sqlmodel import select

from recuerda.api.server import create_app
from recuerda.app import Recuerda
from recuerda.demo import BRAND, load_knowledge
from recuerda.models import Conversation, Evidence, Fact, Memory, Message
from recuerda.settings import Settings
from recuerda.work import is_settled

KEY = "key-of-the-eval-run"
EngineName = Literal["embedded", "llm"]
_TIMES: dict[Any, tuple[str, ...]] = {
    Conversation: ("created_at", "last_message_at"),
    Message: ("at",),
    Evidence: ("at",),
    Fact: ("valid_from", "valid_to", "expires_at", "created_at"),
    Memory: ("at",),
}


@dataclass(slots=True)
class World:
    recuerda: Recuerda
    http: httpx.AsyncClient
    patience: float = 30.0  # seconds for background work
    tell: Callable[[str], object] = lambda line: None
    made: dict[str, asyncio.Task[Any]] = field(default_factory=dict)  # what several samples share

    async def open(self, customer: str, locale: str) -> tuple[str, str]:
        """A new conversation: its id and the customer's."""
        body = {"customer": {"external_id": customer}, "locale": locale}
        opened = (await self._post("/v1/conversations", body)).json()
        return opened["id"], opened["customer_id"]

    async def say(self, conversation_id: str, text: str) -> dict[str, Any]:
        """The turn: `{message, reply}`."""
        path = f"/v1/conversations/{conversation_id}/messages"
        turn: dict[str, Any] = (await self._post(path, {"text": text})).json()
        return turn

    async def settle(self, conversation_id: str) -> float:
        """Wait for the conversation's background work; how many seconds it took."""
        clock = asyncio.get_running_loop().time
        started = clock()
        while clock() - started < self.patience:
            async with self.recuerda.db.read() as session:
                if await is_settled(session, conversation_id):
                    return clock() - started
            await asyncio.sleep(0.05)
        raise TimeoutError(f"The work of a conversation took more than {self.patience:.0f} s.")

    async def facts(self, customer_id: str) -> list[dict[str, Any]]:
        """What is currently believed, what waits for consent or review included."""
        found = []
        for status in ("active", "proposed"):
            response = await self.http.get(
                f"/v1/customers/{customer_id}/facts", params={"status": status, "limit": 200}
            )
            response.raise_for_status()
            found += response.json()["items"]
        return found

    async def let_pass(self, customer_id: str, days: float) -> None:
        """Time goes by for one customer: all that is known moves that far into the past."""
        step = timedelta(days=days)
        async with self.recuerda.db.write() as session:
            for table, names in _TIMES.items():
                rows = (await session.exec(select(table).where(table.customer_id == customer_id))).all()
                for row in rows:
                    for name in names:
                        if (value := getattr(row, name)) is not None:
                            setattr(row, name, value - step)

    async def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        response = await self.http.post(path, json=body)
        response.raise_for_status()
        return response


@contextlib.asynccontextmanager
async def open_world(engine: EngineName, **given: Any) -> AsyncIterator[World]:
    """Whatever the environment says of databases, a run touches none but its own."""
    with tempfile.TemporaryDirectory(prefix="recuerda-eval-") as folder:
        own = {
            "data_dir": Path(folder),
            "database_url": "",
            "chroma_url": "",
            "api_keys": KEY,
            "brand": BRAND,
            "engine": engine,
            "extractor": engine,
        }
        if engine == "embedded":
            own["embeddings"] = "embedded"
        app = create_app(Settings.model_validate({**own, **given}))
        async with app.router.lifespan_context(app):
            recuerda: Recuerda = app.state.recuerda
            await load_knowledge(recuerda)
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app),
                base_url="http://recuerda",
                headers={"Authorization": f"Bearer {KEY}"},
                timeout=600,
            ) as http:
                yield World(recuerda, http, patience=30.0 if engine == "embedded" else 600.0)
