"""An OpenAI-compatible door: any OpenAI client gains memory. The customer comes from `user`."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from sqlmodel import col, select

from recuerda import conversations, customers
from recuerda.api.auth import BrandMayChat, Running, api_router
from recuerda.app import Recuerda
from recuerda.db import Session
from recuerda.errors import BadInput, RecuerdaError
from recuerda.meter import count_tokens
from recuerda.models import Assurance, Conversation, Customer, IdentityKind
from recuerda.turns.accepting import Accepted
from recuerda.turns.composing import Delta
from recuerda.turns.turn import Replied

router = api_router("/v1/chat", tag="openai")
_CHANNEL = "completions"


class ContentPart(BaseModel):
    type: str
    text: str = ""


class CompletionMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class CompletionRequest(BaseModel):
    """What Recuerda reads of a chat completion; the other parameters are the engine's own business."""

    messages: list[CompletionMessage] = Field(min_length=1)
    user: str = Field(min_length=1, max_length=300, description="The brand's own id of the customer.")
    model: str = "recuerda"
    stream: bool = False


async def _conversation(session: Session, customer: Customer, body: CompletionRequest) -> str:
    """A client sends the whole talk each time: one that holds an answer goes on with the last one."""
    if any(m.role == "assistant" for m in body.messages):
        query = select(Conversation).where(
            Conversation.customer_id == customer.id, Conversation.channel == _CHANNEL
        )
        last = (await session.exec(query.order_by(col(Conversation.last_message_at).desc()))).first()
        if last is not None:
            return last.id
    made = await conversations.open_conversation(
        session, customer, channel=_CHANNEL, locale=None, default_language="en"
    )
    return made.id


@router.post("/completions", responses={200: {"content": {"text/event-stream": {}}}, 503: {}})
async def complete(body: CompletionRequest, recuerda: Running, asking: BrandMayChat) -> Any:
    """Answers the last `user` message with the memory of `user`; earlier ones are remembered already."""
    last = body.messages[-1]
    if last.role != "user" or not last.text.strip():
        raise BadInput("The last of `messages` must be the customer's, with role `user` and a text.")
    async with recuerda.db.write() as session:
        customer = await customers.resolve(
            session, {IdentityKind.EXTERNAL_ID: body.user}, assurance=Assurance.SIGNED
        )
        conversation_id = await _conversation(session, customer, body)
        accepted = await recuerda.turns.accept(session, conversation_id, last.text, take=True)
    head = {
        "id": f"chatcmpl-{accepted.message.id}",
        "created": int(time.time()),
        "model": recuerda.engine.name,
    }
    if body.stream:
        return StreamingResponse(_chunks(recuerda, accepted, head), media_type="text/event-stream")
    text = ""
    async for event in recuerda.turns.stream(accepted):
        if isinstance(event, Replied):
            text = event.message.text if event.message else ""
    asked = sum(count_tokens(m.text) for m in body.messages)
    answered = count_tokens(text)
    return JSONResponse(
        {
            **head,
            "object": "chat.completion",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": answered,
                "total_tokens": asked + answered,
            },
        }
    )


async def _chunks(recuerda: Recuerda, accepted: Accepted, head: dict[str, Any]) -> AsyncIterator[str]:
    def chunk(delta: dict[str, str], finish: str | None = None) -> str:
        body = {
            **head,
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        }
        return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"

    yield chunk({"role": "assistant", "content": ""})
    sent = False
    try:
        async for event in recuerda.turns.stream(accepted):
            if isinstance(event, Delta):
                sent = True
                yield chunk({"content": event.text})
            elif isinstance(event, Replied) and event.message and not sent:  # another process wrote it
                yield chunk({"content": event.message.text})
        yield chunk({}, "stop")
    except RecuerdaError as error:
        yield f"data: {json.dumps({'error': {'message': error.detail, 'type': error.code}})}\n\n"
    yield "data: [DONE]\n\n"
