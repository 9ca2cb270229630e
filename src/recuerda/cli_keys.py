"""`recuerda keys`: API keys made, listed, rotated and revoked beside a running server."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from recuerda.access.rights import Scope
from recuerda.cli_options import COMMAND_LINE, DataDir, settings

if TYPE_CHECKING:
    from recuerda.db import Session
    from recuerda.models import ApiKey

keys = typer.Typer(
    name="keys",
    help="API keys of the brand's servers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Named = Annotated[str, typer.Argument(metavar="NAME", help="The key's name, or its rcd_... part.")]
T = TypeVar("T")


@keys.command("list")
def list_keys(data_dir: DataDir = None) -> None:
    """Every key: what it may do, and when it was last used."""
    from rich.console import Console
    from rich.table import Table

    from recuerda.access.keys import every, state

    table = Table("name", "key", "scopes", "made", "last used", "state", box=None)
    for key in _within(data_dir, every):
        table.add_row(
            key.name,
            f"{key.id}_...",
            " ".join(key.scopes),
            _day(key.created_at),
            _day(key.last_used_at),
            state(key),
        )
    Console().print(table)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What uses it, such as web-shop.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; say it several times for several.")],
    days: Annotated[int | None, typer.Option(min=1, help="Ends after so many days; else never.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, this once."""
    from recuerda.access import audit
    from recuerda.access import keys as kept
    from recuerda.models import now

    async def make(session: "Session") -> str:
        expires = now() + timedelta(days=days) if days else None
        key, text = await kept.create(session, name, scope, expires_at=expires)
        audit.note(session, actor=COMMAND_LINE, action="key.create", target=key.id)
        return text

    _show(_within(data_dir, make))


@keys.command()
def rotate(
    name: Named,
    overlap: Annotated[int, typer.Option(min=0, help="Hours the old secret works on.")] = 24,
    data_dir: DataDir = None,
) -> None:
    """Give a key a new secret and print it, this once."""
    from recuerda.access import audit
    from recuerda.access import keys as kept

    async def change(session: "Session") -> str:
        key, text = await kept.rotate(session, name, overlap=timedelta(hours=overlap))
        audit.note(session, actor=COMMAND_LINE, action="key.rotate", target=key.id)
        return text

    _show(_within(data_dir, change))
    typer.echo(f"The old secret works for {overlap} hours more.", err=True)


@keys.command()
def revoke(name: Named, data_dir: DataDir = None) -> None:
    """End a key at once."""
    from recuerda.access import audit
    from recuerda.access import keys as kept

    async def end(session: "Session") -> "ApiKey":
        key = await kept.revoke(session, name)
        audit.note(session, actor=COMMAND_LINE, action="key.revoke", target=key.id)
        return key

    typer.echo(f"The key {_within(data_dir, end).name} opens nothing any more.", err=True)


def _within(data_dir: Path | None, do: "Callable[[Session], Coroutine[object, None, T]]") -> T:
    from recuerda.commands import beside

    async def run() -> T:
        async with beside(settings(data_dir=data_dir)) as recuerda, recuerda.db.write() as session:
            return await do(session)

    return asyncio.run(run())


def _show(text: str) -> None:
    """The key alone on standard output, so that a script can take it."""
    typer.echo("Keep this key; it is not shown again:", err=True)
    typer.echo(text)


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else "never"
