"""The one fake: a chat model that says what it is told to, and remembers what it was asked."""

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from pydantic import BaseModel

from recuerda.errors import Unavailable
from recuerda.llm import ChatMessage

T = TypeVar("T", bound=BaseModel)


class FakeModel:
    """Queue `replies`; an `Unavailable` in the queue is raised. Every prompt is kept in `asked`."""

    name = "fake"

    def __init__(self, *replies: str | Exception) -> None:
        self.replies = list(replies)
        self.asked: list[str] = []

    def _next(self) -> str:
        reply = (
            self.replies.pop(0) if self.replies else Unavailable("The fake model has nothing more to say.")
        )
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def stream(self, messages: Sequence[ChatMessage]) -> AsyncIterator[str]:
        self.asked.append("\n".join(f"{m.role}: {m.content}" for m in messages))
        for word in self._next().split(" "):
            yield word + " "

    async def structured(self, prompt: str, schema: type[T], *, max_tokens: int = 1000) -> T:
        self.asked.append(prompt)
        return schema.model_validate_json(self._next())
