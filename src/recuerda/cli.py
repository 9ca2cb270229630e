"""The command line. Everything heavy is imported by the command that needs it: `--help` is instant."""

import asyncio
import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from recuerda.access.rights import Role
from recuerda.cli_keys import keys
from recuerda.cli_options import DataDir, EngineName, Host, Port
from recuerda.cli_options import settings as _settings
from recuerda.cli_work import work
from recuerda.errors import RecuerdaError

app = typer.Typer(
    name="recuerda",
    help="A chat assistant that remembers each customer.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich costs four times what the rest of --help does
    pretty_exceptions_enable=False,  # they would show locals, which hold customers' words
)

app.add_typer(keys)
app.add_typer(work)


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """Imports make many objects and no garbage: looking for some takes a sixth of their time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@app.command()
def demo(data_dir: DataDir = None, host: Host = None, port: Port = None) -> None:
    """Load the sample shop and serve it: chat, console and API."""
    with _importing():
        from recuerda.serve import serve_demo

    serve_demo(_settings(data_dir=data_dir, host=host, port=port))


@app.command()
def serve(data_dir: DataDir = None, host: Host = None, port: Port = None) -> None:
    """Serve the API, the channels and the console."""
    with _importing():
        from recuerda.serve import serve as run

    run(_settings(data_dir=data_dir, host=host, port=port))


@app.command()
def worker(data_dir: DataDir = None) -> None:
    """Do the background work in a process of its own."""
    with _importing():
        from recuerda.serve import work

    work(_settings(data_dir=data_dir))


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to this version's schema."""
    from recuerda.commands import migrate as run

    asyncio.run(run(_settings(data_dir=data_dir)))


@app.command()
def ingest(
    path: Annotated[Path, typer.Argument(help="A file or folder: Markdown, HTML, PDF, CSV, JSON.")],
    data_dir: DataDir = None,
    language: Annotated[str | None, typer.Option(help="Of what does not say its own: en, es or pt.")] = None,
) -> None:
    """Add the brand's articles, policies and catalogue to the knowledge."""
    from recuerda.commands import ingest as run

    raise typer.Exit(asyncio.run(run(_settings(data_dir=data_dir), path, language)))


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="JSON lines or CSV of customers' memories.")],
    data_dir: DataDir = None,
) -> None:
    """Import customers' history: orders, returns, tickets, notes."""
    from recuerda.commands import import_memories

    raise typer.Exit(asyncio.run(import_memories(_settings(data_dir=data_dir), file)))


@app.command()
def extract(
    source: Annotated[Path, typer.Option("--in", help="Conversations, one JSON object a line.")],
    out: Annotated[Path, typer.Option("--out", help="Where the facts go, one JSON object a line.")],
    engine: EngineName = "embedded",
) -> None:
    """Find facts in a file of conversations. Needs no database."""
    from recuerda.commands import extract as run

    raise typer.Exit(asyncio.run(run(_settings(), source, out, engine)))


@app.command()
def recall(
    memories: Annotated[Path, typer.Option(help="Customers' memories, one JSON object a line.")],
    queries: Annotated[Path, typer.Option(help="Questions, one JSON object a line.")],
    out: Annotated[Path, typer.Option(help="Where the rankings go.")],
) -> None:
    """Rank a file of memories for a file of questions, with the product's own recall."""
    from recuerda.commands import recall as run

    run(_settings(), memories, queries, out)


@app.command(name="eval")
def eval_(
    suites: Annotated[list[str] | None, typer.Argument(help="Which suites; all when none is named.")] = None,
    engine: EngineName = "embedded",
    out: Annotated[Path, typer.Option(help="Folder for results.json and report.html.")] = Path(
        "evals/results"
    ),
) -> None:
    """Run the eval suites; fails when a threshold is missed."""
    from recuerda.commands import evaluate

    raise typer.Exit(evaluate(suites or [], engine, out))


@app.command()
def reindex(data_dir: DataDir = None) -> None:
    """Build the vector store anew from the database."""
    from recuerda.commands import reindex as run

    asyncio.run(run(_settings(data_dir=data_dir)))


@app.command()
def agent(
    email: Annotated[str, typer.Argument(help="The agent's e-mail: the name to sign in with.")],
    name: Annotated[str, typer.Option(help="As shown beside decisions.")] = "",
    role: Annotated[Role | None, typer.Option(help="What they may do; a reviewer unless said.")] = None,
    special: Annotated[bool, typer.Option(help="A reviewer who may see special categories.")] = False,
    reset: Annotated[bool, typer.Option(help="Give an agent there is a new password.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Make a console login and print its password; or change one."""
    from recuerda.commands import agent as run

    given = _settings(data_dir=data_dir)
    asyncio.run(run(given, email, name, role, special=special, reset=reset))


@app.command()
def doctor(data_dir: DataDir = None) -> None:
    """Check the configuration and say how to mend what is wrong."""
    from recuerda.doctor import examine

    raise typer.Exit(asyncio.run(examine(_settings(data_dir=data_dir))))


def main() -> NoReturn:
    try:
        app()
    except RecuerdaError as error:
        typer.secho(error.detail, fg=typer.colors.RED, err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(0)
