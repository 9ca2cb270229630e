"""The chat model. The only importer of langchain and, but for its embeddings, of openai.

Any OpenAI-compatible server will do: OpenAI, Ollama, vLLM, llama.cpp. Nothing here calls anything
but the configured address; tracing that langchain would switch on by environment is kept off.
"""

import logging
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, SecretStr

from recuerda.errors import Unavailable
from recuerda.meter import Call
from recuerda.settings import Settings

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, BaseMessage
    from langchain_openai import ChatOpenAI

for _switch in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2"):
    os.environ[_switch] = "false"

log = logging.getLogger(__name__)
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
        """An answer of the given shape: every field required, and no other allowed (`extra="forbid"`)."""
        ...


class OpenAIChat:
    """langchain-openai against the configured address; retries with backoff are the client's."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.llm_model
        self._settings = settings
        self._knows_schemas = True  # the server does, until it shows that it does not

    @cache  # noqa: B019 - one model lives as long as the process
    def _model(self, max_tokens: int, temperature: float) -> "ChatOpenAI":
        # openai looks at httpx if it was imported; half imported, by Chroma in a thread, it breaks a call.
        import httpx  # noqa: F401
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(
            model=self._settings.llm_model,
            base_url=self._settings.llm_base_url,
            # A local server needs none, but the client insists on a word.
            api_key=self._settings.llm_api_key or SecretStr("none"),
            timeout=self._settings.llm_timeout,
            stream_chunk_timeout=self._settings.llm_timeout,  # or langchain gives up after two minutes
            max_retries=self._settings.llm_retries,
            max_completion_tokens=max_tokens,
            temperature=temperature,
            stream_usage=True,  # the last piece of a stream says how many tokens it was
        )

    def _failed(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"The model {self.name} did not answer ({type(error).__name__}). "
            "Run `recuerda doctor` to see why; until then the embedded engine can answer."
        )

    async def stream(self, messages: Sequence[ChatMessage]) -> AsyncIterator[str]:
        from openai import OpenAIError

        call, failure = Call("reply", self.name, [m.content for m in messages]), None
        try:
            async for chunk in self._model(self._settings.llm_max_tokens, temperature=0.2).astream(
                _to_langchain(messages)
            ):
                call.told = getattr(chunk, "usage_metadata", None) or call.told
                if text := _text(chunk.content):
                    call.answer += text
                    yield text
        except (OpenAIError, ValueError, OSError) as error:
            failure = error
            raise self._failed(error) from error
        finally:
            call.ended(failure, unread=_refused(failure))

    async def structured(self, prompt: str, schema: type[T], *, max_tokens: int = 1000) -> T:
        """The prompt itself shows the shape: a server that takes no JSON schema can answer too."""
        from openai import LengthFinishReasonError, OpenAIError

        call, failure = Call("extraction", self.name, [prompt]), None
        try:
            answer = await self._shaped(prompt, schema, max_tokens)
            call.told, call.answer = answer.usage_metadata, _text(answer.content)
            return schema.model_validate_json(_json_in(call.answer))
        except (OpenAIError, ValueError, OSError) as error:
            failure = error
            if isinstance(error, LengthFinishReasonError) and (used := error.completion.usage):  # cut off
                call.told = {"input_tokens": used.prompt_tokens, "output_tokens": used.completion_tokens}
            raise self._failed(error) from error
        finally:
            call.ended(failure, unread=_refused(failure))

    async def _shaped(self, prompt: str, schema: type[BaseModel], max_tokens: int) -> "AIMessage":
        from openai import BadRequestError, UnprocessableEntityError

        model = self._model(max_tokens, temperature=0.0)
        if self._knows_schemas:
            named = {"name": schema.__name__, "schema": schema.model_json_schema(), "strict": True}
            try:
                return await model.ainvoke(
                    prompt, response_format={"type": "json_schema", "json_schema": named}
                )
            except (BadRequestError, UnprocessableEntityError) as error:
                log.info("%s refused a JSON schema (%s); asking without", self.name, type(error).__name__)
        answer = await model.ainvoke(prompt)
        self._knows_schemas = False
        return answer


def _refused(error: BaseException | None) -> bool:
    """Whether the server was not reached or answered with an error; one that was too slow may have read."""
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    return isinstance(error, APIConnectionError | APIStatusError) and not isinstance(error, APITimeoutError)


def _json_in(answer: str) -> str:
    """The object in an answer that may have words or a fence around it."""
    return answer[answer.find("{") : answer.rfind("}") + 1]


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
