"""`recuerda doctor`: is everything as it must be, and if not, how to mend it."""

import asyncio
import contextlib
import platform
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from sqlmodel import func, select

from recuerda.access import keys
from recuerda.app import Recuerda, build
from recuerda.errors import RecuerdaError, SetupError
from recuerda.llm import ChatMessage, make_model
from recuerda.meter import count_tokens
from recuerda.migrations import revision
from recuerda.models import Agent, Document, Job, JobState, not_done
from recuerda.settings import Settings

Grade = Literal["ok", "note", "wrong"]
_MARKS = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "wrong": "[red]✗[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """`mend` says what to do; only a `wrong` one makes the command fail."""

    part: str
    grade: Grade
    what: str
    mend: str = ""


async def examine(settings: Settings) -> int:
    """Print what is found; 0 when Recuerda can run, 1 when something is wrong."""
    console = Console()
    wrong = False
    async for finding in _findings(settings):
        wrong = wrong or finding.grade == "wrong"
        console.print(
            f" {_MARKS[finding.grade]} [bold]{finding.part:<12}[/] {escape(finding.what)}", soft_wrap=True
        )
        if finding.mend:
            console.print(f"   {'':<12} → {escape(finding.mend)}", soft_wrap=True)
    console.print("\nSomething must be mended." if wrong else "\nReady.")
    return int(wrong)


async def _findings(settings: Settings) -> AsyncIterator[Finding]:
    yield Finding("python", "ok", platform.python_version())
    try:
        recuerda = build(settings)
    except RecuerdaError as error:
        yield Finding("setup", "wrong", error.detail)
        return
    yield Finding("data folder", "ok", str(settings.data_dir.resolve()))
    try:
        for check in (_database, _embeddings, _vector_store, _tokens, _model, _access, _sign_on, _twilio):
            yield await _guarded(check, recuerda)
    finally:
        await recuerda.db.close()


async def _guarded(check: Callable[[Recuerda], Awaitable[Finding]], recuerda: Recuerda) -> Finding:
    try:
        return await check(recuerda)
    except RecuerdaError as error:
        return Finding(check.__name__.strip("_"), "wrong", error.detail)


async def _database(recuerda: Recuerda) -> Finding:
    kind = "SQLite" if recuerda.db.is_sqlite else "PostgreSQL"
    try:
        present, newest = await revision(recuerda.db)
        if present is None:
            return Finding("database", "note", f"{kind}, empty", "It is set up at the first start.")
        if present != newest:
            return Finding("database", "note", f"{kind}, an older schema", "Run `recuerda migrate`.")
        async with recuerda.db.read() as session:
            documents = (await session.exec(select(func.count()).select_from(Document))).one()
            given_up = select(func.count()).select_from(Job).where(not_done(), Job.state == JobState.DEAD)
            dead = (await session.exec(given_up)).one()
            agents = (await session.exec(select(func.count()).select_from(Agent))).one()
    except (sa.exc.SQLAlchemyError, OSError) as error:
        return Finding(
            "database",
            "wrong",
            f"{kind} cannot be reached ({type(error).__name__})",
            "Check RECUERDA_DATABASE_URL, and that the server runs and lets this user in.",
        )
    if dead:
        return Finding("database", "note", f"{kind}; {dead} jobs failed for good", "See Work in the console.")
    if not documents:
        return Finding(
            "database",
            "note",
            f"{kind}; no knowledge loaded",
            "Run `recuerda ingest FOLDER` with your articles.",
        )
    return Finding("database", "ok", f"{kind}; {documents} knowledge documents, {agents} agents")


async def _embeddings(recuerda: Recuerda) -> Finding:
    vectors = await asyncio.to_thread(recuerda.embedder.embed, ["hola"])
    return Finding("embeddings", "ok", f"{recuerda.embedder.name}, {vectors.shape[1]} dimensions")


async def _vector_store(recuerda: Recuerda) -> Finding:
    where = recuerda.settings.chroma_url or "embedded Chroma"
    present, newest = await revision(recuerda.db)
    if present != newest:
        return Finding("memory", "note", f"{where}; looked at once the database is set up")
    status = await recuerda.memories.status()
    return Finding("memory", "ok", f"{where}; {status['memories']} memories")


async def _tokens(_: Recuerda) -> Finding:
    return Finding(
        "tokens", "ok", f"counted offline (“hola, ¿cómo estás?” is {count_tokens('hola, ¿cómo estás?')})"
    )


class _Ping(BaseModel, extra="forbid"):
    """Shape of the smallest structured answer."""

    answer: str


async def _model(recuerda: Recuerda) -> Finding:
    settings = recuerda.settings
    model = make_model(settings)
    if model is None:
        return Finding("model", "ok", "none; the embedded engine answers (set RECUERDA_LLM_MODEL to use one)")
    where = settings.llm_base_url or "OpenAI"
    if settings.llm_base_url is None and settings.llm_api_key is None:
        return Finding(
            "model",
            "wrong",
            f"{model.name} at OpenAI, without a key",
            "Set RECUERDA_LLM_API_KEY or OPENAI_API_KEY.",
        )
    try:
        async for _piece in model.stream([ChatMessage("user", "Say hello in one word.")]):
            break
    except RecuerdaError as error:
        return Finding(
            "model",
            "wrong",
            f"{model.name} at {where}: {error.__cause__ and type(error.__cause__).__name__}",
            "Check RECUERDA_LLM_BASE_URL (it ends in /v1), the key and the model's name.",
        )
    try:
        await model.structured('Answer in JSON: {"answer": "yes"}', _Ping, max_tokens=50)
    except RecuerdaError:
        return Finding(
            "model",
            "note",
            f"{model.name} at {where} answers, but not with JSON",
            "Facts are then found by the embedded extractor: set RECUERDA_EXTRACTOR=embedded.",
        )
    return Finding("model", "ok", f"{model.name} at {where} answers, also with JSON")


async def _access(recuerda: Recuerda) -> Finding:
    given = recuerda.settings.api_keys
    made = []
    with contextlib.suppress(sa.exc.SQLAlchemyError):  # said of the database already
        async with recuerda.db.read() as session:
            made = [key for key in await keys.every(session) if keys.state(key).startswith("active")]
    if not given and not made:
        return Finding(
            "access",
            "note",
            "no API key: only `recuerda demo` can be used",
            "Make one with `recuerda keys create NAME --scope chat`.",
        )
    if any(len(key.get_secret_value()) < 16 for key in given):
        return Finding(
            "access",
            "note",
            f"{len(given)} keys in API_KEYS, one of them short",
            "Use 16 characters or more.",
        )
    return Finding("access", "ok", f"{len(made)} API keys, {len(given)} more in API_KEYS")


async def _sign_on(recuerda: Recuerda) -> Finding:
    """Asks the provider for its description, as a sign-in does."""
    if recuerda.sign_on is None:
        return Finding("sign-on", "ok", "not used; agents sign in with passwords")
    try:
        await recuerda.sign_on.begin()
    except SetupError as error:
        return Finding("sign-on", "wrong", error.detail)
    return Finding(
        "sign-on",
        "ok",
        f"{recuerda.settings.oidc_issuer} answers; it must know {recuerda.sign_on.redirect_uri}",
    )


async def _twilio(recuerda: Recuerda) -> Finding:
    s = recuerda.settings
    given = [bool(s.twilio_account_sid), s.twilio_auth_token is not None, bool(s.twilio_from)]
    if not any(given):
        return Finding("twilio", "ok", "not used")
    if not all(given):
        return Finding(
            "twilio",
            "wrong",
            "half configured",
            "Set RECUERDA_TWILIO_ACCOUNT_SID, RECUERDA_TWILIO_AUTH_TOKEN and RECUERDA_TWILIO_FROM.",
        )
    if not s.public_url:
        return Finding(
            "twilio",
            "note",
            "configured, without PUBLIC_URL",
            "Set RECUERDA_PUBLIC_URL to what Twilio calls; behind a proxy its signatures need it.",
        )
    return Finding("twilio", "ok", f"sends from {s.twilio_from}")
