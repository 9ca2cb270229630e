"""The reads of all tasks on one connection to PostgreSQL, in one breath."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg

from recuerda.postgresql import Link
from recuerda.statements import Answer, Saying

_BREATH = 64  # statements sent together at most: the first does not wait long for the last


class Line:
    """A connection for the reads of all tasks: what is asked while answers are under way goes together
    next."""

    def __init__(self, connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]]) -> None:
        self._connect = connect
        self._link: Link | None = None
        self._asked: list[tuple[Saying, asyncio.Future[Answer]]] = []
        self._talking: asyncio.Task[None] | None = None

    @property
    def busy(self) -> int:
        return len(self._asked) + (self._talking is not None)

    async def ask(self, sayings: Sequence[Saying]) -> list[Answer]:
        loop = asyncio.get_running_loop()
        asked = [(saying, loop.create_future()) for saying in sayings]
        self._asked += asked
        if self._talking is None:
            self._talking = asyncio.create_task(self._talk())
        try:
            return [await answered for _, answered in asked]
        finally:
            for _, answered in asked:  # an error nobody looks at would be logged with the words it quotes
                answered.cancel()

    async def _talk(self) -> None:
        try:
            while self._asked:
                breath, self._asked = self._asked[:_BREATH], self._asked[_BREATH:]
                breath = [(saying, answered) for saying, answered in breath if not answered.done()]
                try:
                    answers = await self._say([saying for saying, _ in breath])
                except Exception as error:
                    for _, answered in breath:
                        if not answered.done():
                            answered.set_exception(error)
                    continue
                for (saying, answered), answer in zip(breath, answers, strict=True):
                    if answered.done():
                        continue
                    if isinstance(answer, Answer):
                        answered.set_result(answer)
                    elif answer is not None:
                        answered.set_exception(answer)
                    else:  # one before it failed
                        self._asked.append((saying, answered))
        finally:
            self._talking = None

    async def _say(self, sayings: Sequence[Saying]) -> list[Answer | Exception | None]:
        fresh = self._link is None
        if self._link is None:
            self._link = Link(await self._connect())
        try:
            return await self._link.say(sayings)
        except psycopg.OperationalError:
            await self._drop()
            if fresh:
                raise
            return await self._say(sayings)  # the server was away since we last asked

    async def _drop(self) -> None:
        if self._link:
            link, self._link = self._link, None
            await link.connection.close()

    async def close(self) -> None:
        if self._talking:
            self._talking.cancel()
            await asyncio.gather(self._talking, return_exceptions=True)
        await self._drop()
