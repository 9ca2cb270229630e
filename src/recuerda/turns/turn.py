"""One turn, from the customer's words to the saved reply.

The reply is a job like any other; an HTTP request takes it for itself at once so that it can stream, and when
that process dies a worker writes the reply instead.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import select

from recuerda.db import Database, Session
from recuerda.errors import RecuerdaError, Unavailable
from recuerda.models import Author, Job, JobState, Message
from recuerda.settings import Settings
from recuerda.telemetry import logs, metrics
from recuerda.turns.accepting import Accepted, accept
from recuerda.turns.composing import Composer, Delta, Events, Restart
from recuerda.turns.indexing import Remember, indexed
from recuerda.turns.learn import Learner
from recuerda.work import Lease, LeaseLost, Worker, Write, frames

log = logging.getLogger(__name__)

_PATIENCE = 60.0  # seconds a request waits for a reply that another process writes


@dataclass(frozen=True, slots=True)
class Replied:
    """The saved reply; None when a person will answer."""

    message: Message | None


class Turns:
    def __init__(
        self, db: Database, composer: Composer, learner: Learner, worker: Worker, settings: Settings
    ) -> None:
        self._db = db
        self._composer = composer
        self._learner = learner
        self._worker = worker
        self._settings = settings
        self._running: set[asyncio.Task[None]] = set()

    async def accept(
        self, session: Session, conversation_id: str, text: str, *, external_id: str | None = None, take: bool
    ) -> Accepted:
        """Write the message and its work into the caller's transaction; `take` the reply for ourselves."""
        message = Message(
            conversation_id=conversation_id,
            customer_id="",  # both are the conversation's to say
            position=-1,
            author=Author.CUSTOMER,
            text=text,
            external_id=external_id,
        )
        return await accept(
            session, message, max_chars=self._settings.max_message_chars, take=take, learns=self._learns
        )

    @property
    def _learns(self) -> bool:
        """Whether to learn from a message while replying to it, and to write both down together. Not beside a
        model's reply, which takes seconds."""
        return self._worker.running and self._composer.engine is self._composer.fallback

    async def stream(self, accepted: Accepted) -> AsyncIterator[Delta | Restart | Replied]:
        """The reply as it is written. It is finished and saved even when nobody listens any more."""
        if accepted.lease is None or accepted.learn is None:
            self._worker.wake()
        if accepted.job_id is None:
            yield Replied(None)
            return
        if accepted.lease is None:
            if accepted.learn:
                self._spawn(self._learn(accepted.message, accepted.learn))
            yield Replied(await self.wait(accepted.message.id, accepted.job_id))
            return
        events: asyncio.Queue[Delta | Restart | Replied | Exception] = asyncio.Queue()
        self._spawn(self._produce(accepted.message, accepted.lease, accepted.learn, events))
        while True:
            event = await events.get()
            if isinstance(event, Exception):
                raise event
            yield event
            if isinstance(event, Replied):
                return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _learn(self, message: Message, lease: Lease) -> None:
        job = Job(
            id=lease.job_id,
            kind="learn",
            lane="",
            payload={"message_id": message.id},
            conversation_id=message.conversation_id,
        )
        await self._worker.perform([(job, lease)])

    async def settle(self) -> None:
        """Wait for the replies being written in this process; part of a graceful stop."""
        if self._running:
            await asyncio.wait(self._running, timeout=self._settings.llm_timeout)

    async def wait(self, message_id: str, job_id: int) -> Message | None:
        """The reply to a message, once whoever writes it has saved it."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        pause = 0.02
        while asyncio.get_running_loop().time() < deadline:
            async with self._db.read() as session:
                reply = await reply_to(session, message_id)
                job = await session.get(Job, job_id)
            if reply is not None or job is None or job.state is JobState.DONE:
                return reply
            if job.state is JobState.DEAD:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        raise Unavailable(
            "Your message is saved, but the reply is not ready yet. Read the messages in a moment."
        )

    async def reply_job(self, payload: Mapping[str, Any]) -> Write | None:
        """The worker's way to write a reply: for channels, and for requests whose process died."""
        async with self._db.read() as session:
            message = await session.get(Message, payload["message_id"])
            if message is None or await reply_to(session, message.id) is not None:
                return None
        write, _ = await self._composer.compose(message, asyncio.Queue())
        return indexed(message, write)

    async def _produce(
        self,
        message: Message,
        lease: Lease,
        learn: Lease | None,
        events: Events,
    ) -> None:
        """The reply, and beside it what the message teaches."""
        held = [lease, learn] if learn else [lease]
        try:
            async with self._worker.leases.keep(*held):
                with logs.about(conversation_id=message.conversation_id):
                    write, reply, taught = await self._compute(message, events, learns=learn is not None)
                with metrics.stage("save"):
                    learnt = await self._save(message, write, lease, taught, learn)
            await events.put(Replied(reply))
        except LeaseLost:
            await events.put(Replied(await self.wait(message.id, lease.job_id)))
        except asyncio.CancelledError:
            await asyncio.shield(self._worker.leases.give_back(*held))
            raise
        except Exception as error:
            log.warning("reply to %s failed: %s", message.id, type(error).__name__, exc_info=frames(error))
            await self._worker.leases.fail(lease, error)
            if learn:
                await self._worker.leases.give_back(learn)
            ours = isinstance(error, RecuerdaError) and not isinstance(error, Unavailable)
            await events.put(error if ours else _failed())
        else:
            if learn and not learnt:
                await self._learn(message, learn)

    async def _compute(
        self, message: Message, events: Events, *, learns: bool
    ) -> tuple[Remember, Message, Remember | None]:
        """What writes the reply, the reply, and what writes the lesson, if there is one yet."""
        if not learns:
            return *await self._composer.compose(message, events), None
        lesson = asyncio.ensure_future(self._learner.taught(message.id))
        try:
            composed = await self._composer.compose(message, events)
            await asyncio.wait([lesson])
        finally:
            lesson.cancel()
        taught = None if lesson.exception() else lesson.result()
        return *composed, taught and taught[1]

    async def _save(
        self, message: Message, write: Remember, lease: Lease, taught: Remember | None, learn: Lease | None
    ) -> bool:
        """The reply and the lesson in one transaction; the reply alone, and False, when that cannot be."""
        if learn and taught:
            try:
                await self._worker.leases.finish(lease, learn, write=indexed(message, write, taught))
                return True
            except LeaseLost:
                raise
            except Exception as error:  # of whichever: the reply does not wait for the lesson
                log.warning("a reply is written without its lesson", exc_info=frames(error))
        await self._worker.leases.finish(lease, write=indexed(message, write))
        return False


async def reply_to(session: Session, message_id: str) -> Message | None:
    return (await session.exec(select(Message).where(Message.reply_to == message_id))).first()


def _failed() -> Unavailable:
    return Unavailable(
        "Your message is saved, but the reply could not be written. It is tried again in the background; "
        "read the conversation's messages in a moment."
    )
