"""The composition root: builds the parts from the settings and runs them together."""

import asyncio
import contextlib
import gc
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from recuerda import privacy
from recuerda.access.oidc import SignOn
from recuerda.channels.delivery import Deliverer
from recuerda.channels.provider import make_twilio
from recuerda.db import Database
from recuerda.embeddings import Embedder, SentenceEncoder, make_embedder
from recuerda.errors import SetupError
from recuerda.extraction import Extractor, Turn
from recuerda.extraction.catalogue import Catalogue, load_catalogue
from recuerda.extraction.embedded import EmbeddedExtractor
from recuerda.extraction.llm import LLMExtractor
from recuerda.facts.vectors import FactVectors
from recuerda.helper import Helper
from recuerda.language import detect
from recuerda.llm import ChatModel, make_model
from recuerda.memory import Knowledge, Memories
from recuerda.meter import count_tokens
from recuerda.migrations import migrate
from recuerda.settings import Settings
from recuerda.telemetry import logs
from recuerda.turns import Engine, guard
from recuerda.turns.composing import Composer
from recuerda.turns.context import Sources
from recuerda.turns.embedded import EmbeddedEngine
from recuerda.turns.indexing import Indexer
from recuerda.turns.learn import Learner
from recuerda.turns.llm import LLMEngine
from recuerda.turns.lookup import Products
from recuerda.turns.turn import Turns
from recuerda.work import Worker


@dataclass(slots=True)
class Recuerda:
    """Every part of a running Recuerda; what the faces are handed."""

    settings: Settings
    db: Database
    embedder: Embedder
    memories: Memories
    knowledge: Knowledge
    extractor: Extractor
    listener: Extractor
    engine: Engine
    fallback: EmbeddedEngine
    worker: Worker
    turns: Turns
    catalogue: Catalogue
    sign_on: SignOn | None  # with a provider of identities, when one is configured
    secrets: tuple[str, ...]  # the first signs customers' tokens, all of them open some
    helper: Helper
    tasks: Mapping[str, Callable[[str], Awaitable[Any]]]  # what a helper can do
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)


def build(settings: Settings, *, model: ChatModel | None = None) -> Recuerda:
    """Wire the parts; nothing is opened yet. `model` stands in for the configured one in tests."""
    logs.quieten()
    make_data_dir(settings)
    db = Database(settings.database)
    encoder = SentenceEncoder()
    embedder = encoder if settings.embeddings == "embedded" else make_embedder(settings)
    memories = Memories(db, embedder, settings)
    knowledge = Knowledge(db, embedder, settings, memories.vectors)
    chat = model or make_model(settings)
    embedded = EmbeddedEngine(encoder)
    catalogue = load_catalogue(settings.catalogue)
    listener = EmbeddedExtractor(encoder, catalogue)
    engine: Engine = embedded
    extractor: Extractor = listener
    if settings.reply_engine == "llm":
        engine = LLMEngine(
            _required(chat), embedded, {*settings.link_hosts, *guard.hosts([settings.public_url])}
        )
    if settings.fact_extractor == "llm":
        extractor = LLMExtractor(_required(chat), listener, settings.extractor_trust)
    worker = Worker(db)
    sources = Sources(db, memories, knowledge, Products(knowledge), embedder, listener, settings)
    helper = Helper()
    composer = Composer(sources, memories, engine, embedded, settings, helper)
    learner = Learner(db, memories, embedder, extractor, listener, catalogue, settings, helper)
    turns = Turns(db, composer, learner, worker, settings)
    worker.handle("reply", turns.reply_job)
    worker.handle("learn", learner.learn)
    indexer = Indexer(memories)
    worker.handle_together("index", indexer.index)
    worker.handle("unindex", indexer.unindex)
    deliverer = Deliverer(db, make_twilio(settings), settings.public_url)
    worker.handle("deliver", deliverer.deliver, dead=deliverer.give_up)
    worker.handle("vector", FactVectors(db, embedder).make)
    worker.handle("erase", privacy.Eraser(db, memories).erase)
    worker.recur(privacy.NIGHTLY, privacy.Purger(db, memories, settings).purge)
    return Recuerda(
        settings,
        db,
        embedder,
        memories,
        knowledge,
        extractor,
        listener,
        engine,
        embedded,
        worker,
        turns,
        catalogue,
        SignOn(settings) if settings.oidc_issuer else None,
        _secrets(settings),
        helper,
        {"draft": composer.draft_of, "lesson": learner.lesson},
    )


@contextlib.asynccontextmanager
async def running(
    settings: Settings, *, model: ChatModel | None = None, work: bool = True, helped: bool = False
) -> AsyncIterator[Recuerda]:
    """A migrated, started Recuerda; stopped in order at the end, handing back unfinished work.

    `helped` starts a helper where that is of use.
    """
    recuerda = build(settings, model=model)
    try:
        await migrate(recuerda.db)
        recuerda._tasks.append(warm := asyncio.create_task(warm_up(recuerda)))
        await recuerda.memories.start(after=warm)
        if recuerda.db.is_sqlite and not settings.chroma_url:  # then we hold the folder's lock: nobody else
            await recuerda.worker.take_over()
        if work:
            recuerda._tasks.append(asyncio.create_task(recuerda.worker.run()))
        if helped and settings.wants_helper:
            recuerda._tasks.append(asyncio.create_task(_be_helped(recuerda, warm)))
        yield recuerda
    finally:
        await recuerda.turns.settle()
        await recuerda.worker.stop()
        for task in recuerda._tasks:
            task.cancel()
        await asyncio.gather(*recuerda._tasks, return_exceptions=True)
        await recuerda.memories.close()
        await recuerda.db.close()


async def warm_up(recuerda: Recuerda) -> None:
    """Load the models before the first customer waits for them."""
    await asyncio.gather(  # unpacking the encoder leaves the interpreter to the others
        asyncio.to_thread(SentenceEncoder().embed, ["hola"]),
        asyncio.to_thread(detect, "hola, ¿cómo estás hoy?", recuerda.settings.default_language),
        asyncio.to_thread(count_tokens, "hola"),
    )
    await recuerda.knowledge.search("hola", language=recuerda.settings.default_language)
    await recuerda.listener.extract([Turn("customer", "hola")])
    await asyncio.to_thread(recuerda.fallback.warm)
    gc.freeze()  # all this stays: no need to look through it for garbage again and again


async def _be_helped(recuerda: Recuerda, after: asyncio.Task[None]) -> None:
    await asyncio.wait([after])  # both at once would take longer for either
    await recuerda.helper.run(recuerda.settings)


def _required(chat: ChatModel | None) -> ChatModel:
    if chat is None:
        raise SetupError("ENGINE or EXTRACTOR is llm, but no model is set. Set RECUERDA_LLM_MODEL.")
    return chat


def make_data_dir(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SetupError(
            f"The data folder {settings.data_dir} cannot be made ({error.strerror}). "
            "Choose another with --data-dir or RECUERDA_DATA_DIR."
        ) from error
    if not os.access(settings.data_dir, os.W_OK):
        raise SetupError(f"The data folder {settings.data_dir} cannot be written to.")


def _secrets(settings: Settings) -> tuple[str, ...]:
    before = settings.secret_key_before
    return (_secret(settings), before.get_secret_value()) if before else (_secret(settings),)


def _secret(settings: Settings) -> str:
    """The key that signs tokens: given, or made once and kept in the data folder for its owner only."""
    if settings.secret_key:
        return settings.secret_key.get_secret_value()
    path = settings.data_dir / "secret.key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(made := secrets.token_urlsafe(32))
    return made
