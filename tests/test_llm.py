"""The model's client against a real server that speaks OpenAI's protocol over HTTP."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import BaseModel

from recuerda.embeddings import OpenAIEmbedder
from recuerda.errors import Unavailable
from recuerda.llm import ChatMessage, OpenAIChat
from recuerda.meter import metering
from recuerda.settings import Settings


class OpenAIServer:
    """Answers with `say`; `failures` first requests get 500; `delay` seconds before each answer."""

    def __init__(self) -> None:
        self.say = "Hola, ¿cómo estás?"
        self.failures = 0
        self.delay = 0.0
        self.usage: dict[str, int] | None = None
        self.knows_schemas = True
        self.cut_off = False
        self.requests: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append(body)
                threading.Event().wait(outer.delay)
                if "response_format" in body and not outer.knows_schemas:
                    self._send(400, "application/json", b'{"error": {"message": "response_format?"}}')
                elif outer.failures > 0:
                    outer.failures -= 1
                    self._send(500, "application/json", b'{"error": {"message": "busy"}}')
                elif self.path.endswith("/embeddings"):
                    rows = [{"index": i, "embedding": [1.0, float(i)]} for i in range(len(body["input"]))]
                    self._send(200, "application/json", json.dumps({"data": rows}).encode())
                elif body.get("stream"):
                    self._send(200, "text/event-stream", outer.chunks())
                else:
                    self._send(200, "application/json", outer.whole())

            def _send(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def whole(self) -> bytes:
        message = {"role": "assistant", "content": self.say}
        choice = {"index": 0, "message": message, "finish_reason": "length" if self.cut_off else "stop"}
        answer = {"id": "1", "object": "chat.completion", "choices": [choice]}
        return json.dumps(answer | ({"usage": self.usage} if self.usage else {})).encode()

    def chunks(self) -> bytes:
        parts: list[dict[str, Any]] = [
            {
                "id": "1",
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": {"content": word}}],
            }
            for word in self.say.split(" ")
        ]
        if self.usage:
            parts.append({"id": "1", "object": "chat.completion.chunk", "choices": [], "usage": self.usage})
        return b"".join(f"data: {json.dumps(p)}\n\n".encode() for p in parts) + b"data: [DONE]\n\n"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()


def model_at(server: OpenAIServer, **given: Any) -> OpenAIChat:
    return OpenAIChat(Settings(llm_model="small", llm_base_url=server.url, **given))


async def said(model: OpenAIChat) -> list[str]:
    return [piece async for piece in model.stream([ChatMessage("user", "Hola")])]


async def test_a_reply_comes_in_pieces(server: OpenAIServer) -> None:
    assert await said(model_at(server)) == ["Hola,", "¿cómo", "estás?"]
    [request] = server.requests
    assert request["model"] == "small"
    assert request["messages"] == [{"role": "user", "content": "Hola"}]


async def test_a_failing_server_is_tried_again(server: OpenAIServer) -> None:
    server.failures = 2
    assert await said(model_at(server, llm_retries=2))
    assert len(server.requests) == 3


async def test_a_server_that_keeps_failing_is_unavailable(server: OpenAIServer) -> None:
    server.failures = 9
    with pytest.raises(Unavailable, match="recuerda doctor"):
        await said(model_at(server, llm_retries=1))


async def test_a_server_that_hangs_is_unavailable(server: OpenAIServer) -> None:
    server.delay = 2
    started = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable):
        await said(model_at(server, llm_timeout=0.2, llm_retries=0))
    assert asyncio.get_running_loop().time() - started < 2


def test_a_slow_server_is_given_all_the_time_that_was_set(server: OpenAIServer) -> None:
    client = model_at(server, llm_timeout=600)._model(10, 0.0)
    assert (client.request_timeout, client.stream_chunk_timeout) == (600, 600)


class Shape(BaseModel, extra="forbid"):
    size: int


async def test_an_answer_of_a_given_shape(server: OpenAIServer) -> None:
    server.say = '{"size": 42}'
    assert await model_at(server).structured("What size?", Shape) == Shape(size=42)
    asked = server.requests[0]["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["strict"]
    schema = asked["json_schema"]["schema"]
    assert (schema["required"], schema["additionalProperties"]) == (["size"], False)  # as OpenAI insists


async def test_a_server_that_takes_no_schema_is_asked_without(server: OpenAIServer) -> None:
    server.knows_schemas = False
    server.say = 'Sure:\n```json\n{"size": 42}\n```'
    model = model_at(server)
    assert await model.structured("What size?", Shape) == Shape(size=42)
    assert await model.structured("What size?", Shape) == Shape(size=42)
    assert ["response_format" in request for request in server.requests] == [True, False, False]


async def test_an_answer_that_was_cut_off_is_unavailable_but_counted(server: OpenAIServer) -> None:
    server.cut_off, server.say = True, '{"size": 4'
    server.usage = {"prompt_tokens": 123, "completion_tokens": 7, "total_tokens": 130}
    with metering() as calls, pytest.raises(Unavailable):
        await model_at(server).structured("What size?", Shape)
    [call] = calls
    assert (call.input_tokens, call.output_tokens, call.estimated) == (123, 7, False)


@pytest.mark.parametrize("said", ["not JSON", '{"size": "large"}', ""])
async def test_an_answer_of_another_shape_is_unavailable(server: OpenAIServer, said: str) -> None:
    server.say = said
    with pytest.raises(Unavailable):
        await model_at(server).structured("What size?", Shape)


def test_embeddings_are_of_unit_length(server: OpenAIServer) -> None:
    embedder = OpenAIEmbedder(Settings(embeddings="openai", llm_base_url=server.url))
    vectors = embedder.embed(["a", "b"])
    assert vectors.shape == (2, 2)
    assert (vectors**2).sum(axis=1) == pytest.approx([1, 1])
    server.failures = 9
    with pytest.raises(Unavailable, match="RECUERDA_EMBEDDINGS"):
        embedder.embed(["a"])
