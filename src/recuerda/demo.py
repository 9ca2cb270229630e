"""Loads the sample shop: its knowledge, its customers, a year of their orders and conversations.

What customers said goes through the product's own extraction; nothing is put into a profile by hand.
Loading again changes nothing.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

from sqlmodel import col, select

from recuerda import conversations, customers
from recuerda.app import Recuerda
from recuerda.db import Database, Session
from recuerda.language import from_locale
from recuerda.memory import NewMemory
from recuerda.memory.loaders import read_catalogue, read_markdown
from recuerda.models import Agent, Assurance, Author, Conversation, Customer, IdentityKind, Message
from recuerda.settings import Settings
from recuerda.turns.indexing import enqueue_index, memory_of
from recuerda.turns.learn import enqueue_learn

SHOP = resources.files("recuerda.sample_shop")
BRAND = "Vereda"
AGENT_EMAIL = "agent@example.com"
Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Login:
    email: str
    password: str | None  # None when it was made on an earlier run


def people() -> list[dict[str, Any]]:
    """The sample customers, as their file has them."""
    lines = SHOP.joinpath("customers.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


async def load(recuerda: Recuerda, step: Step) -> None:
    """Everything the demo needs; `step` is told what is being done."""
    step("Reading the shop's articles and catalogue")
    await load_knowledge(recuerda)
    everybody = people()
    for number, person in enumerate(everybody, 1):
        step(f"Customer {number} of {len(everybody)}: {person['name']}")
        await _load_person(recuerda, person)
    step("Remembering what they said")
    await recuerda.worker.drain()


async def is_loaded(db: Database) -> bool:
    """Whether the shop is in this database already: then a start need not load it."""
    talks = sum(len(person["conversations"]) for person in people())
    query = select(Conversation.id).where(col(Conversation.external_id).startswith("sample:"))
    async with db.read() as session:
        return len((await session.exec(query)).all()) >= talks


async def load_knowledge(recuerda: Recuerda) -> None:
    articles = [
        read_markdown(file.name, file.read_text("utf-8"))
        for folder in SHOP.joinpath("articles").iterdir()
        if folder.is_dir()
        for file in folder.iterdir()
        if file.name.endswith(".md")
    ]
    products = read_catalogue("catalogue.json", SHOP.joinpath("catalogue.json").read_text("utf-8"))
    await recuerda.knowledge.put_many([*articles, *products])


async def _load_person(recuerda: Recuerda, person: dict[str, Any]) -> None:
    language = from_locale(person["locale"]) or "en"
    items = [
        NewMemory(
            kind=memory["kind"],
            external_id=memory["id"],
            text=memory["text"],
            at=_time(memory["at"]),
            language=language,
            source="import",
            data=memory.get("data"),
        )
        for memory in person["memories"]
    ]
    vectors = await recuerda.memories.prepare(items)
    async with recuerda.db.write() as session:
        customer = await customers.resolve(
            session,
            {
                IdentityKind.EXTERNAL_ID: person["external_id"],
                IdentityKind.EMAIL: person["email"],
                IdentityKind.PHONE: person["phone"],
            },
            name=person["name"],
            locale=person["locale"],
            assurance=Assurance.SIGNED,
        )
        version = customer.memory_version
        ids = await recuerda.memories.remember(session, customer.id, items, vectors)
        await session.refresh(customer)
        if customer.memory_version != version:
            await enqueue_index(session, customer.id, ids)
    for talk in person["conversations"]:
        await _load_conversation(recuerda, customer, talk)


async def _load_conversation(recuerda: Recuerda, customer: Customer, talk: dict[str, Any]) -> None:
    external_id = f"sample:{talk['id']}"
    async with recuerda.db.read() as session:
        known = select(Conversation.id).where(Conversation.external_id == external_id)
        if (await session.exec(known)).first() is not None:
            return
    # The channel's name is kept, but nothing of a past conversation is delivered again.
    conversation = Conversation(
        customer_id=customer.id,
        channel=talk["channel"],
        locale=customer.locale,
        language=from_locale(customer.locale) or "en",
        external_id=external_id,
        created_at=_time(talk["at"]),
    )
    messages = [
        Message(
            conversation_id=conversation.id,
            customer_id=customer.id,
            position=-1,
            author=Author(turn["author"]),
            text=turn["text"],
            language=conversation.language,
            at=_time(turn["at"]),
        )
        for turn in talk["turns"]
    ]
    spoken = [memory_of(m, conversation) for m in messages if m.author is not Author.CUSTOMER]
    vectors = await recuerda.memories.prepare(spoken)
    async with recuerda.db.write() as session:
        session.add(conversation)
        await session.flush()
        await _write(session, messages)
        ids = await recuerda.memories.remember(session, customer.id, spoken, vectors)
        await enqueue_index(session, customer.id, ids)
        await conversations.resolve(session, conversation.id)


async def _write(session: Session, messages: list[Message]) -> None:
    for message in messages:
        await conversations.append(session, message, deliver=False)
        if message.author is Author.CUSTOMER:
            await enqueue_learn(session, message)


async def login(db: Database, settings: Settings) -> Login:
    """An agent with a password made for this data folder; there is no default one."""
    from recuerda.access.agents import create_agent

    async with db.read() as session:
        if (await session.exec(select(Agent.id).where(Agent.email == AGENT_EMAIL))).first() is not None:
            return Login(AGENT_EMAIL, _kept_password(settings))
    password = secrets.token_urlsafe(9)
    async with db.write() as session:
        await create_agent(session, email=AGENT_EMAIL, name="Sample agent", password=password, role="admin")
    path = settings.data_dir / "demo-login"
    path.touch(mode=0o600)
    path.write_text(password)
    return Login(AGENT_EMAIL, password)


def _kept_password(settings: Settings) -> str | None:
    """The demo shows its login at every start, so it keeps it where the rest of the demo's data is."""
    path = settings.data_dir / "demo-login"
    return path.read_text().strip() if path.is_file() else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
