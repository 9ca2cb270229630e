"""A local server that speaks the part of Twilio's REST API that sending needs."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Form, Query
from fastapi.responses import JSONResponse

ACCOUNT = "AC" + "0" * 32
TOKEN = "token-of-the-test-account"
NUMBER = "+14155550100"


@dataclass
class FakeTwilio:
    """What it was sent, and how it misbehaves: each answer of `trouble` is given once, in order.

    An answer of 0 means: take the message, then drop the connection, as when the sender dies.
    """

    url: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    trouble: list[tuple[int, int]] = field(default_factory=list)
    always: tuple[int, int] | None = None
    asked: int = 0
    lists: int = 0
    prefix: str = ""

    def bodies(self, to: str | None = None) -> list[str]:
        return [m["body"] for m in self.messages if to in (None, m["to"])]

    def take(self, to: str, sender: str, body: str) -> dict[str, Any]:
        message = {
            "sid": "SM" + secrets.token_hex(16),
            "account_sid": ACCOUNT,
            "to": to,
            "from": sender,
            "body": self.prefix + body,
            "status": "queued",
            "direction": "outbound-api",
            # In whole seconds, and a clock of its own.
            "date_created": format_datetime(datetime.now(UTC) - timedelta(seconds=20)),
            "date_sent": None,
        }
        self.messages.append(message)
        return message


def application(fake: FakeTwilio) -> FastAPI:
    app = FastAPI()
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"

    @app.post(path)
    async def create(
        to: Annotated[str, Form(alias="To")],
        sender: Annotated[str, Form(alias="From")],
        body: Annotated[str, Form(alias="Body")],
    ) -> JSONResponse:
        fake.asked += 1
        status, code = fake.trouble.pop(0) if fake.trouble else fake.always or (201, 0)
        if status >= 400:
            problem = {"status": status, "code": code, "message": f"The number {to} ...", "more_info": ""}
            return JSONResponse(problem, status_code=status)
        if len(body) > 1600:
            return JSONResponse({"status": 400, "code": 21617, "message": "too long"}, status_code=400)
        message = fake.take(to, sender, body)
        if status == 0:
            return JSONResponse({"status": 500, "code": 20500, "message": "lost"}, status_code=500)
        return JSONResponse(message, status_code=201)

    @app.get(path)
    async def find(
        to: Annotated[str, Query(alias="To")] = "", sender: Annotated[str, Query(alias="From")] = ""
    ) -> dict[str, Any]:
        fake.lists += 1
        found = [m for m in reversed(fake.messages) if m["to"] == to and m["from"] == sender]
        return {"messages": found, "page": 0, "page_size": 50, "next_page_uri": None}

    return app


@contextlib.asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The application on a free loopback port; gives its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
