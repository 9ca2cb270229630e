"""The other shape: PostgreSQL, a Chroma server, API processes that do no work, and workers beside them."""

import asyncio
from pathlib import Path

import httpx

from tests.processes import Server, worker


async def _settled(http: httpx.AsyncClient, conversation: str) -> str:
    for _ in range(300):
        view = (await http.get(f"/v1/conversations/{conversation}")).json()
        if view["memory"] == "settled":
            return str(view["customer_id"])
        await asyncio.sleep(0.1)
    raise AssertionError("the worker did not do the work")


async def test_what_one_process_is_told_another_knows(
    tmp_path: Path, postgres_url: str, chroma_url: str
) -> None:
    environment = {
        "RECUERDA_DATABASE_URL": postgres_url,
        "RECUERDA_CHROMA_URL": chroma_url,
        "RECUERDA_SECRET_KEY": "one secret for all of the processes",
        "RECUERDA_WORKER": "false",
    }
    one, two = Server(tmp_path / "one", environment), Server(tmp_path / "two", environment)
    await asyncio.gather(one.start(), two.start())
    try:
        with worker(tmp_path / "worker", environment):
            async with one.client() as here, two.client() as there:
                opened = await here.post(
                    "/v1/conversations", json={"customer": {"external_id": "runner"}, "locale": "es-PE"}
                )
                conversation = opened.json()["id"]
                said = await here.post(
                    f"/v1/conversations/{conversation}/messages",
                    json={"text": "Hola, uso talla 42 y corro en el malecón de Miraflores"},
                )
                assert said.json()["reply"]["language"] == "es"
                customer = await _settled(there, conversation)
                facts = (await there.get(f"/v1/customers/{customer}/facts")).json()["items"]
                assert "42" in {fact["value"] for fact in facts}
                found = await there.get(f"/v1/customers/{customer}/recall", params={"q": "¿dónde corro?"})
                assert "malecón" in found.json()["items"][0]["text"]
                reply = await there.post(
                    f"/v1/conversations/{conversation}/messages", json={"text": "¿Qué sabes de mí?"}
                )
                assert "42" in reply.json()["reply"]["text"]
    finally:
        one.kill()
        two.kill()
