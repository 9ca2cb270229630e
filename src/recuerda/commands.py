"""The short commands: each does one thing, says how far it is, and ends."""

import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from recuerda.access.rights import Role
from recuerda.app import Recuerda, build
from recuerda.cli_options import COMMAND_LINE
from recuerda.embeddings import SentenceEncoder, make_embedder
from recuerda.errors import Conflict, SetupError
from recuerda.migrations import migrate as migrate_database
from recuerda.migrations import revision
from recuerda.settings import Settings

_console = Console(stderr=True)
Tick = Callable[[int, int], None]


@contextmanager
def _progress(what: str) -> Iterator[Tick]:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=_console,
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _readable(path: Path) -> Path:
    if not path.exists():
        raise SetupError(f"There is no {path}. Check the name.")
    return path


@asynccontextmanager
async def beside(settings: Settings) -> AsyncIterator[Recuerda]:
    """A Recuerda that only writes to the database, so it may run beside a server that has the index open."""
    recuerda = build(settings)
    try:
        await migrate_database(recuerda.db)
        yield recuerda
    finally:
        await recuerda.db.close()


async def migrate(settings: Settings) -> None:
    async with beside(settings) as recuerda:
        present, _ = await revision(recuerda.db)
        _console.print(f"The database is at revision {present}.")


async def extract(settings: Settings, source: Path, out: Path, engine: Literal["embedded", "llm"]) -> int:
    """0 when the engine read every conversation; 1 when another had to, each named with the reason."""
    from recuerda.extraction import Extractor
    from recuerda.extraction.catalogue import load_catalogue
    from recuerda.extraction.embedded import EmbeddedExtractor
    from recuerda.extraction.llm import LLMExtractor
    from recuerda.extraction.offline import extract_file
    from recuerda.llm import make_model

    embedded = EmbeddedExtractor(SentenceEncoder(), load_catalogue(settings.catalogue))
    extractor: Extractor = embedded
    if engine == "llm":
        model = make_model(settings)
        if model is None:
            raise SetupError("--engine llm needs a model: set RECUERDA_LLM_MODEL and RECUERDA_LLM_BASE_URL.")
        extractor = LLMExtractor(model, embedded, settings.extractor_trust)
    lines = sum(1 for line in _readable(source).open(encoding="utf-8") if line.strip())
    with _progress("Extracting") as tick:
        done = await extract_file(
            _readable(source), out, extractor, embedded, lambda count: tick(count, lines)
        )
    for number, name, why in done.failed:
        _console.print(f"Line {number} ({name}): {why}", highlight=False, markup=False)
    if done.failed:
        _console.print(
            f"{len(done.failed)} of {done.read} conversations were read by the embedded engine alone; "
            f"their lines in {out} say so."
        )
    return int(bool(done.failed))


async def ingest(settings: Settings, path: Path, language: str | None) -> int:
    """0 when every file was good; 1 when some were not, each named with the reason."""
    from recuerda.language import LANGUAGES, from_locale
    from recuerda.memory.loaders import load_all

    otherwise = settings.default_language if language is None else from_locale(language)
    if otherwise is None:
        raise SetupError(f"--language is one of {', '.join(LANGUAGES)}.")
    documents, bad = load_all(_readable(path), otherwise)
    async with beside(settings) as recuerda:
        with _progress("Ingesting") as tick:
            counts = await recuerda.knowledge.put_many(documents, tick)
    for error in bad:
        _console.print(error.detail, highlight=False, markup=False)
    unread = f", {len(bad)} files not read" if bad else ""
    _console.print(
        f"{counts['changed']} documents added or changed, {counts['unchanged']} as they were{unread}."
    )
    return int(bool(bad))


async def import_memories(settings: Settings, file: Path) -> int:
    """0 when every line was good; 1 when some were not, each named with its number and reason."""
    from recuerda import customers
    from recuerda.memory.importing import Importer
    from recuerda.turns.indexing import enqueue_index

    async with beside(settings) as recuerda:
        importer = Importer(
            recuerda.db, recuerda.memories, customers.resolve, enqueue_index, settings.default_language
        )
        with _progress("Importing") as tick:
            report = await importer.run(_readable(file), tick)
    for number, reason in report.bad:
        _console.print(f"line {number}: {reason}", highlight=False, markup=False)
    _console.print(f"{report.imported} imported, {report.unchanged} as they were, {len(report.bad)} bad.")
    return int(bool(report.bad))


def recall(settings: Settings, memories: Path, queries: Path, out: Path) -> None:
    from recuerda.memory.offline import rank_files

    with _progress("Recalling") as tick:
        rank_files(_readable(memories), _readable(queries), out, make_embedder(settings), tick)


async def reindex(settings: Settings) -> None:
    # Not started: a started one refuses an index of another embedder, which is what this mends.
    async with beside(settings) as recuerda:
        with _progress("Indexing") as tick:
            counts = await recuerda.memories.reindex(tick)
    _console.print(json.dumps(counts))


def evaluate(suites: list[str], engine: Literal["embedded", "llm"], out: Path) -> int:
    sys.path.insert(0, str(Path.cwd()))  # the suites are found from where the command is run
    try:
        from evals.run import main
    except ModuleNotFoundError as error:
        if error.name and not error.name.startswith("evals"):
            raise
        raise SetupError(
            "The eval suites stand in the repository, not in the package: run this from a checkout."
        ) from error
    return main(suites, engine, out)


async def agent(
    settings: Settings, email: str, name: str, role: Role | None, *, special: bool, reset: bool
) -> None:
    """Make the agent; of one there is, change the role or, with `reset`, the password."""
    from recuerda.access import agents, audit

    password = agents.new_password()
    async with beside(settings) as recuerda, recuerda.db.write() as session:
        known = await agents.by_email(session, email)
        if known is None:
            made = await agents.create_agent(
                session, email, name, password, role or Role.REVIEWER, special=special
            )
            audit.note(session, actor=COMMAND_LINE, action="agent.create", target=made.id)
        elif not reset and role is None:
            raise Conflict(
                f"There is an agent {email} already: --role changes the role, --reset the password."
            )
        else:
            if role is not None:
                await agents.set_role(session, known, role, special=special)
                audit.note(session, actor=COMMAND_LINE, action=f"agent.make-{role}", target=known.id)
            if reset:
                await agents.set_password(session, known, password)
                audit.note(session, actor=COMMAND_LINE, action="agent.reset-password", target=known.id)
    if known is None or reset:
        Console().print(f"{email} may sign in at /console/ with the password {password}", highlight=False)
    else:
        Console().print(f"{email} is {role} now.", highlight=False)
