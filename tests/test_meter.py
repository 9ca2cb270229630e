"""What calls of a model come to."""

import pytest

from recuerda.errors import Unavailable
from recuerda.llm import ChatMessage
from recuerda.meter import count_tokens, metering
from tests.test_llm import OpenAIServer, Shape, model_at, server

__all__ = ["server"]


def test_special_tokens_in_a_message_are_just_text() -> None:
    assert count_tokens("<|endoftext|>") > 1


async def test_the_servers_own_count_is_taken(server: OpenAIServer) -> None:
    server.usage = {"prompt_tokens": 123, "completion_tokens": 7, "total_tokens": 130}
    with metering() as calls:
        async for _ in model_at(server).stream([ChatMessage("user", "Hola")]):
            pass
    [call] = calls
    assert (call.input_tokens, call.output_tokens, call.estimated) == (123, 7, False)
    assert server.requests[0]["stream_options"] == {"include_usage": True}


async def test_what_the_server_does_not_count_we_do(server: OpenAIServer) -> None:
    with metering() as calls:
        async for _ in model_at(server).stream([ChatMessage("user", "Hola, ¿cómo estás?")]):
            pass
    [call] = calls
    assert call.estimated
    assert call.input_tokens > 3
    assert call.output_tokens > 3


async def test_a_call_that_was_refused_took_nothing(server: OpenAIServer) -> None:
    server.failures = 9
    with metering() as calls, pytest.raises(Unavailable):
        await model_at(server, llm_retries=0).structured("What size?", Shape)
    [call] = calls
    assert (call.input_tokens, call.output_tokens, call.estimated) == (0, 0, False)
