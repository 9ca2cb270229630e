"""The long-running processes: the server, the demo, the worker."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn
from rich.console import Console

from recuerda import demo
from recuerda.api.server import create_app
from recuerda.app import Recuerda, make_data_dir, running
from recuerda.db import Database
from recuerda.errors import SetupError
from recuerda.migrations import migrate
from recuerda.settings import Settings
from recuerda.telemetry import logs, traces

_GRACE = 15  # seconds for open requests when stopping


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SetupError(
            f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}). "
            "Stop what uses it, or choose another port with --port."
        ) from error
    return listener


def set_up_telemetry(settings: Settings) -> None:
    logs.set_up(settings)
    traces.set_up(settings)


def _run(
    settings: Settings, *, shop: bool = False, on_start: Callable[[Recuerda, str], object] | None = None
) -> None:
    set_up_telemetry(settings)
    listener = _listen(settings)
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def started(recuerda: Recuerda) -> None:
        if on_start:
            on_start(recuerda, url)

    app = create_app(settings, demo=shop, helped=True, on_start=started)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
    )
    # uvicorn stops in order, then raises the signal again for us: that is a clean end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not server.started:
        raise SystemExit(1)


def serve(settings: Settings) -> None:
    """Until stopped."""

    def say(recuerda: Recuerda, url: str) -> None:
        console = Console(stderr=True)
        console.print(f"Recuerda on {url}  (console {url}/console/, API docs {url}/docs)", soft_wrap=True)
        if not settings.api_keys:
            console.print("The API takes keys made with `recuerda keys create`; see `recuerda doctor`.")

    _run(settings, on_start=say)


def serve_demo(settings: Settings) -> None:
    """Load the sample shop, then serve it."""
    settings = settings.model_copy(update={"brand": settings.brand or demo.BRAND})
    set_up_telemetry(settings)
    login = asyncio.run(_load(settings))

    def say(_: Recuerda, url: str) -> None:
        key = "-H 'Authorization: Bearer YOUR_KEY' " if settings.api_keys else ""
        password = login.password or "(made on the first run)"
        Console().print(
            f"""
  [bold]{demo.BRAND}, the sample shop, is open.[/]

  Shop and chat   {url}/shop
  Agent console   {url}/console/   {login.email}  {password}
  API docs        {url}/docs

  Or from a terminal:
  curl -s {url}/v1/conversations {key}-H 'Content-Type: application/json' \\
    -d '{{"customer": {{"external_id": "c-1001"}}, "locale": "es-CO"}}'

  Ctrl-C stops it. Deleting {settings.data_dir} starts over.
""",
            highlight=False,
            soft_wrap=True,
        )

    _run(settings, shop=True, on_start=say)


async def _load(settings: Settings) -> demo.Login:
    """Before the server starts, so that Ctrl-C ends it at once; only the first start has to."""
    make_data_dir(settings)
    db = Database(settings.database)
    try:
        await migrate(db)
        if not await demo.is_loaded(db):
            async with running(settings, work=False) as recuerda:
                with Console().status("Loading the sample shop ...") as status:
                    await demo.load(recuerda, lambda what: status.update(f"{what} ..."))
        return await demo.login(db, settings)
    finally:
        await db.close()


def work(settings: Settings) -> None:
    """Only the background work, until SIGINT or SIGTERM."""
    set_up_telemetry(settings)

    async def run() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        async with running(settings):
            logging.getLogger(__name__).info("working")
            await stop.wait()

    asyncio.run(run())
