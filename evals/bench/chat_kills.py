"""Kill -9 at random moments while customers chat: what was lost, what was done twice, how soon it goes on.

    python -m evals.bench.chat_kills --shape sqlite --times 100
    python -m evals.bench.chat_kills --shape postgresql --times 100

Twelve customers write over HTTP and read the reply as it streams, eight by WhatsApp; whoever got no answer
writes the same again, as clients do. SQLite: the one process is killed. PostgreSQL: any of two API
processes and two workers. It is started again at once, as a supervisor would. After each batch of kills,
on a shop of its own, every message, fact, memory and outgoing message is counted. Results are added to
the file, a line for each batch: stop it when you like, and the next run goes on.
"""

import argparse
import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from evals.bench.chatters import CHAT, PHONE, TWILIO, Chatter, phone_customer, web_customer
from evals.bench.fleet import Proc, Shape, fleet
from evals.bench.twilio_server import FakeTwilio, application, serving
from sqlmodel import col, select

from recuerda.db import Database
from recuerda.models import Author, Conversation, Delivery, Evidence, Fact, Job, JobState, Memory, Message

_UNFINISHED = (JobState.READY, JobState.RUNNING)
_LONGEST = 60.0  # seconds in which no work gets done before what is left counts as lost


@dataclass
class Batch:
    """What became of one shop. Everything but the first four should be 0."""

    shape: str
    kills: int = 0
    acknowledged: int = 0
    outbound: int = 0
    messages_lost: int = 0
    messages_doubled: int = 0
    replies_lost: int = 0
    replies_doubled: int = 0
    facts_lost: int = 0
    facts_doubled: int = 0
    facts_wrong: int = 0  # customers whose current size is not the last they said
    memories_lost: int = 0
    outbound_lost: int = 0
    outbound_doubled: int = 0
    jobs_given_up: int = 0
    serving_again: list[float] = field(default_factory=list)  # seconds until the killed process was ready
    recovered: list[float] = field(default_factory=list)  # until all work open at the kill was done


async def _open_jobs(db: Database, ids: list[int] | None = None) -> list[int]:
    query = select(Job.id).where(col(Job.state).in_(_UNFINISHED))
    if ids is not None:
        query = query.where(col(Job.id).in_(ids))
    async with db.read() as session:
        return [id for id in (await session.exec(query)).all() if id is not None]


async def _until_done(db: Database, ids: list[int] | None = None) -> None:
    """As long as it gets less: a slow machine is behind with its work, it has not lost it."""
    left, moved = await _open_jobs(db, ids), time.monotonic()
    while left and time.monotonic() - moved < _LONGEST:
        await asyncio.sleep(0.2)
        before, left = left, await _open_jobs(db, ids)
        if len(left) < len(before):
            moved = time.monotonic()


async def _kill(victim: Proc, db: Database, batch: Batch, *, watch: bool) -> None:
    """Kills and starts again; with `watch`, also waits until the work that was open is done."""
    victim.kill()
    killed = time.monotonic()
    open_then = await _open_jobs(db) if watch else []
    victim.start()
    await victim.ready()
    batch.kills += 1
    if victim.port is not None:
        batch.serving_again.append(round(time.monotonic() - killed, 1))
    if watch:
        await _until_done(db, open_then)
        batch.recovered.append(round(time.monotonic() - killed, 1))


async def run_batch(shape: Shape, kills: int, every: int) -> Batch:
    batch, twilio = Batch(shape), FakeTwilio()
    machines = {"apis": 1} if shape == "sqlite" else {"apis": 2, "workers": 2}
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(application(twilio)))
        environment = {**TWILIO, "RECUERDA_TWILIO_API_URL": url}
        shop = await stack.enter_async_context(fleet(shape, environment=environment, **machines))
        db = Database(shop.settings.database)
        stack.push_async_callback(db.close)
        chatters = [Chatter(number, [api.url for api in shop.apis]) for number in range(CHAT + PHONE)]
        talks = [
            asyncio.create_task((web_customer if c.number < CHAT else phone_customer)(c)) for c in chatters
        ]
        try:
            for number in range(1, kills + 1):
                await asyncio.sleep(random.uniform(0.2, 3.0))
                victim = random.choice([*shop.apis, *shop.workers])
                await _kill(victim, db, batch, watch=number % every == 0)
                print(
                    f"  {shape} {number}/{kills}: {victim.name}, {_so_far(chatters)} acknowledged", flush=True
                )
            if not kills:
                await asyncio.sleep(20)  # nobody is killed: shows that the counts are 0 then
        finally:
            for c in chatters:
                c.stop = True
            await asyncio.gather(*talks)
        await _until_done(db)
        await _count(db, batch, chatters, twilio)
    return batch


def _so_far(chatters: list[Chatter]) -> int:
    return sum(len(c.acknowledged) for c in chatters)


async def _count(db: Database, batch: Batch, chatters: list[Chatter], twilio: FakeTwilio) -> None:
    async with db.read() as session:
        messages = (await session.exec(select(Message))).all()
        channels = dict((await session.exec(select(Conversation.id, Conversation.channel))).all())
        sizes = (await session.exec(select(Fact).where(Fact.attribute == "shoe_size"))).all()
        said = select(Evidence.message_id).join(Fact, col(Fact.id) == col(Evidence.fact_id))
        learnt = Counter((await session.exec(said.where(Fact.attribute == "shoe_size"))).all())
        remembered = set((await session.exec(select(Memory.external_id))).all())
        dead = await session.exec(select(Job.id).where(Job.state == JobState.DEAD))
        batch.jobs_given_up = len(dead.all())
    ours = [m for m in messages if m.author is Author.CUSTOMER]
    replies = [m for m in messages if m.author is Author.ASSISTANT]
    texts, replied = Counter(m.text for m in ours), Counter(m.reply_to for m in replies)
    acknowledged = [text for c in chatters for text in c.acknowledged]
    batch.acknowledged = len(acknowledged)
    batch.messages_lost = sum(not texts[text] for text in acknowledged)
    batch.messages_doubled = sum(count - 1 for count in texts.values())
    batch.replies_lost = sum(not replied[m.id] for m in ours)
    batch.replies_doubled = sum(count - 1 for count in replied.values())
    batch.facts_lost = sum(not learnt[m.id] for m in ours)
    batch.facts_doubled = sum(count - 1 for count in learnt.values())
    batch.memories_lost = sum(m.id not in remembered for m in messages)
    last = {m.customer_id: m.text.split()[4] for m in sorted(ours, key=lambda m: m.id)}
    current = {who: [f.value for f in sizes if f.customer_id == who and f.status == "active"] for who in last}
    batch.facts_wrong = sum(current[who] != [size] for who, size in last.items())
    pushed = [m for m in replies if channels[m.conversation_id] == "whatsapp"]
    known = [sid for m in pushed for sid in (m.external_id or "").split()]
    taken = {message["sid"] for message in twilio.messages}
    batch.outbound = len(pushed)
    batch.outbound_lost = sum(m.delivery is not Delivery.SENT for m in pushed) + len(set(known) - taken)
    batch.outbound_doubled = len(taken - set(known)) + len(known) - len(set(known))


def table(batches: list[Batch]) -> str:
    names = [
        name for name in Batch.__dataclass_fields__ if name not in ("shape", "serving_again", "recovered")
    ]
    shapes = sorted({b.shape for b in batches}, reverse=True)
    of = {shape: [b for b in batches if b.shape == shape] for shape in shapes}
    lines = [f"| | {' | '.join(shapes)} |", f"|---|{'---:|' * len(shapes)}"]
    for name in names:
        counts = [f"{sum(getattr(b, name) for b in of[shape]):,}" for shape in shapes]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(counts)} |")
    for name in ("serving_again", "recovered"):
        worst = [max((s for b in of[shape] for s in getattr(b, name)), default=0.0) for shape in shapes]
        count = [sum(len(getattr(b, name)) for b in of[shape]) for shape in shapes]
        cells = [f"at most {w} s ({n})" for w, n in zip(worst, count, strict=True)]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _read(path: Path) -> list[Batch]:
    return [Batch(**json.loads(line)) for line in path.open()] if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=get_args(Shape), action="append", help="both when left out")
    parser.add_argument("--times", type=int, default=100, help="kills of each shape, those on file included")
    parser.add_argument("--batch", type=int, default=20, help="kills before everything is counted")
    parser.add_argument("--watch", type=int, default=5, help="wait for full recovery at every so many kills")
    parser.add_argument("--results", type=Path, default=Path("evals/results/chat_kills.jsonl"))
    given = parser.parse_args()
    given.results.parent.mkdir(parents=True, exist_ok=True)
    shape: Any
    for shape in given.shape or get_args(Shape):
        left = given.times - sum(b.kills for b in _read(given.results) if b.shape == shape)
        while left > 0 or not given.times:
            done = asyncio.run(run_batch(shape, min(left, given.batch) if given.times else 0, given.watch))
            print(json.dumps(asdict(done)), flush=True)
            if not given.times:
                break
            with given.results.open("a") as file:
                file.write(json.dumps(asdict(done)) + "\n")
            left -= done.kills
    print(table(_read(given.results)))


if __name__ == "__main__":
    main()
