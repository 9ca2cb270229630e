"""The HTTP contract: shapes, streaming, idempotency, paging, merging, the OpenAI door."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from recuerda.settings import Settings
from tests.conftest import KEY, Shop, run_shop
from tests.fakes import FakeModel


def events_of(body: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in body.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def test_a_reply_is_streamed_then_given_whole(shop: Shop) -> None:
    conversation = await shop.open()
    response = await shop.http.post(
        f"/v1/conversations/{conversation}/messages",
        json={"text": "Hola"},
        headers={"Accept": "text/event-stream"},
    )
    events = events_of(response.text)
    assert [name for name, _ in events if name != "delta"] == ["accepted", "reply", "done"]
    said = "".join(data["text"] for name, data in events if name == "delta")
    [reply] = [data["reply"] for name, data in events if name == "reply"]
    assert said.strip() == reply["text"]
    assert set(reply) >= {"id", "text", "language", "receipt", "engine"}
    assert set(reply["receipt"]) >= {"facts", "memories", "knowledge"}


async def test_a_reply_is_saved_though_the_listener_left(settings: Settings) -> None:
    model = FakeModel("uno dos tres cuatro")
    async with run_shop(settings.model_copy(update={"engine": "llm"}), model=model) as shop:
        conversation = await shop.open()
        async with shop.recuerda.db.write() as session:
            accepted = await shop.recuerda.turns.accept(session, conversation, "Hola", take=True)
        stream = shop.recuerda.turns.stream(accepted)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        await shop.settle(conversation)
        messages = (await shop.http.get(f"/v1/conversations/{conversation}/messages")).json()["items"]
        assert [m["text"] for m in messages] == ["Hola", "uno dos tres cuatro"]


async def test_two_messages_at_once_are_answered_in_order(shop: Shop) -> None:
    conversation = await shop.open()
    texts = [f"Mensaje número {n}" for n in range(6)]
    await asyncio.gather(*(shop.say(conversation, text) for text in texts))
    messages = (await shop.http.get(f"/v1/conversations/{conversation}/messages")).json()["items"]
    said = {m["id"]: i for i, m in enumerate(m for m in messages if m["author"] == "customer")}
    answered = [said[m["reply_to"]] for m in messages if m["author"] == "assistant"]
    assert answered == sorted(answered)
    assert len(answered) == 6


async def test_the_same_idempotency_key_makes_one_message(shop: Shop) -> None:
    conversation = await shop.open()
    path, headers = f"/v1/conversations/{conversation}/messages", {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *(shop.http.post(path, json={"text": "Hola"}, headers=headers) for _ in range(4))
    )
    assert [a.status_code for a in answers] == [201] * 4
    assert len({a.json()["message"]["id"] for a in answers}) == 1
    assert len({a.json()["reply"]["id"] for a in answers}) == 1
    other = await shop.http.post(path, json={"text": "Adiós"}, headers=headers)
    assert other.status_code == 409
    body = {"customer": {"external_id": "x"}}
    first = await shop.http.post("/v1/conversations", json=body, headers=headers)
    again = await shop.http.post("/v1/conversations", json=body, headers=headers)
    assert first.json()["id"] == again.json()["id"]


async def test_lists_are_paged_by_cursor(shop: Shop) -> None:
    customer = await shop.customer_of(await shop.open())
    for n in range(5):
        body = {
            "category": "preference",
            "statement": f"Le gusta el color {n}",
            "attribute": "colour",
            "value": str(n),
        }
        assert (await shop.http.post(f"/v1/customers/{customer}/facts", json=body)).status_code == 201
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await shop.http.get(f"/v1/customers/{customer}/facts", params=query)).json()
        seen += [f["value"] for f in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]


async def test_one_profile_across_channels_and_back(shop: Shop) -> None:
    conversations = {}
    for name, text in [("web", "Tengo el arco alto"), ("phone", "Uso talla 42")]:
        conversations[name] = await shop.open(name)
        await shop.say(conversations[name], text)
        await shop.settle(conversations[name])
    web, phone = [await shop.customer_of(c) for c in conversations.values()]
    merge = await shop.http.post(f"/v1/customers/{web}/merges", json={"other_id": phone})
    assert merge.status_code == 201
    assert {f["attribute"] for f in await shop.facts(web)} == {"arch_type", "shoe_size"}
    assert (await shop.http.get(f"/v1/customers/{phone}")).json()["id"] == web
    await shop.recuerda.worker.drain()
    found = (await shop.http.get(f"/v1/customers/{web}/recall", params={"q": "mi talla 42"})).json()["items"]
    assert any("talla 42" in item["text"] for item in found)
    undone = await shop.http.delete(f"/v1/merges/{merge.json()['id']}")
    assert undone.status_code == 200
    assert {f["attribute"] for f in await shop.facts(web)} == {"arch_type"}
    assert {f["attribute"] for f in await shop.facts(phone)} == {"shoe_size"}
    assert (await shop.http.delete(f"/v1/merges/{merge.json()['id']}")).status_code == 409


async def test_facts_as_of_a_moment(shop: Shop) -> None:
    conversation = await shop.open()
    customer = await shop.customer_of(conversation)
    await shop.say(conversation, "Uso talla 42")
    await shop.settle(conversation)
    [first] = await shop.facts(customer)
    await shop.say(conversation, "Perdón, mi talla es 43")
    await shop.settle(conversation)
    then = [f["value"] for f in await shop.facts(customer, as_of=first["valid_from"]) if f["attribute"]]
    assert then == ["42"]


async def test_handing_over_silences_the_assistant_but_for_saying_so_once(shop: Shop) -> None:
    conversation = await shop.open()
    assert (await shop.http.post(f"/v1/conversations/{conversation}/handoff")).json()["status"] == "waiting"
    said = (await shop.say(conversation, "¿Hola?"))["reply"]
    assert "persona del equipo" in said["text"]
    assert said["receipt"]["act"] == "waiting"
    assert (await shop.say(conversation, "¿Cuál es la zapatilla más barata?"))["reply"] is None
    assert (await shop.http.post(f"/v1/conversations/{conversation}/resolve")).json()["status"] == "resolved"
    assert (await shop.say(conversation, "Una cosa más"))["reply"] is not None
    rated = await shop.http.post(f"/v1/conversations/{conversation}/rating", json={"rating": 5})
    assert rated.json()["rating"] == 5


async def test_the_export_holds_all_that_is_held(shop: Shop) -> None:
    conversation = await shop.open()
    await shop.say(conversation, "Uso talla 42")
    await shop.settle(conversation)
    export = (await shop.http.get(f"/v1/customers/{await shop.customer_of(conversation)}/export")).json()
    assert export["facts"][0]["value"] == "42"
    assert export["messages"][0]["text"] == "Uso talla 42"
    assert export["identities"][0]["value"] == "runner"
    assert "embedding" not in json.dumps(export)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_openai_client_gains_memory(shop: Shop, stream: bool) -> None:
    transport = httpx2.ASGITransport(app=shop.app)
    async with AsyncOpenAI(
        api_key=KEY, base_url="http://127.0.0.1/v1", http_client=httpx2.AsyncClient(transport=transport)
    ) as client:
        said: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hola, uso talla 42"}]
        ask = client.chat.completions.create
        if stream:
            chunks = await ask(model="recuerda", messages=said, user="runner", stream=True)
            text = "".join([c.choices[0].delta.content or "" async for c in chunks])
        else:
            answer = await ask(model="recuerda", messages=said, user="runner")
            text = answer.choices[0].message.content or ""
    assert text
    found = (await shop.http.get("/v1/customers", params={"external_id": "runner"})).json()["items"]
    await shop.recuerda.worker.drain()
    assert [f["value"] for f in await shop.facts(found[0]["id"])] == ["42"]


async def test_the_health_pages(shop: Shop) -> None:
    assert (await shop.http.get("/healthz")).json() == {"status": "ok"}
    ready = (await shop.http.get("/readyz")).json()
    assert ready["ready"] is True
    await shop.say(await shop.open(), "Hola, mi nombre es Zarigüeya")
    metrics = (await shop.http.get("/metrics")).text
    assert "recuerda_requests_total" in metrics
    assert "Zarig" not in metrics
