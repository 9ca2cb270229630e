"""`recuerda work`: what waits, what was given up and why, and trying it again, beside a running server."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from recuerda.cli_options import DataDir, settings

if TYPE_CHECKING:
    from recuerda.models import Job

work = typer.Typer(
    name="work",
    help="The background work.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Number = Annotated[
    int, typer.Argument(metavar="NUMBER", help="Of the job, as `recuerda work list` shows it.")
]
State = Annotated[str, typer.Option(help="ready, running, done or dead; `all` for every one.")]


@work.command("list")
def list_jobs(state: State = "dead", limit: int = 50, data_dir: DataDir = None) -> None:
    """Jobs, newest first; without --state those that were given up."""
    from rich.console import Console
    from rich.table import Table

    from recuerda.commands import beside
    from recuerda.errors import SetupError
    from recuerda.models import JobState
    from recuerda.work import explain, find

    if state not in (*JobState, "all"):
        raise SetupError("--state is ready, running, done, dead or all.")

    async def look() -> "list[Job]":
        async with beside(settings(data_dir=data_dir)) as recuerda, recuerda.db.read() as session:
            return await find(session, None if state == "all" else JobState(state), limit=limit)

    found = asyncio.run(look())
    if not found:
        Console().print("No work was given up." if state == "dead" else "There is none.")
        return
    table = Table("number", "what", "state", "tries", "made", "why", box=None)
    for job in found:
        made = f"{job.created_at:%Y-%m-%d %H:%M}"
        table.add_row(
            str(job.id), job.kind, job.state, str(job.attempts + job.crashes), made, explain(job.last_error)
        )
    Console().print(table)


@work.command()
def show(number: Number, data_dir: DataDir = None) -> None:
    """One job, with all that is known of it."""
    from rich.console import Console

    from recuerda.commands import beside
    from recuerda.errors import NotFound
    from recuerda.models import Job
    from recuerda.work import explain

    async def look() -> "Job":
        async with beside(settings(data_dir=data_dir)) as recuerda, recuerda.db.read() as session:
            job = await session.get(Job, number)
            if job is None:
                raise NotFound(f"There is no job {number}.")
            return job

    job = asyncio.run(look())
    console = Console()
    for name, value in job.model_dump(exclude={"lease_token", "lease_until", "dedupe"}).items():
        console.print(f"{name:<16} {'' if value is None else value}", highlight=False, markup=False)
    console.print(explain(job.last_error))


@work.command()
def retry(number: Number, data_dir: DataDir = None) -> None:
    """Try a job that was given up once more, from the start."""
    from recuerda.commands import beside
    from recuerda.errors import NotFound
    from recuerda.work import revive

    async def again() -> bool:
        async with beside(settings(data_dir=data_dir)) as recuerda:
            async with recuerda.db.write() as session:
                revived = await revive(session, number)
            recuerda.worker.wake()
            await recuerda.worker.stop()
            return revived

    if not asyncio.run(again()):
        raise NotFound(f"No job {number} was given up; `recuerda work list` shows those that were.")
    typer.echo(f"Job {number} is tried again by the next free worker.")
