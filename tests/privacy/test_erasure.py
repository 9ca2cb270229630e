"""Erasing leaves no trace of the customer's words in any file, in both shapes."""

import asyncio
import logging

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, select

from recuerda import conversations
from recuerda.models import DataRequest, Evidence, Memory, RequestStatus, now
from recuerda.privacy.owned import KEPT
from recuerda.settings import Settings
from tests.conftest import Shop, run_shop
from tests.privacy.shapes import holds, raw, shape

__all__ = ["shape"]

CANARY = "zarigüeya albina"


async def _fill(shop: Shop) -> tuple[str, str]:
    """A customer with something in every store, and somebody else."""
    other = await shop.open("somebody else")
    await shop.say(other, "Uso talla 40 y corro en Lima")
    await shop.settle(other)
    conversation = await shop.open("runner")
    for text in (f"Tengo una {CANARY} que me acompaña a correr. Uso talla 42", f"Mi {CANARY} se llama Pepa"):
        await shop.say(conversation, text)
        await shop.settle(conversation)
    customer = await shop.customer_of(conversation)
    post = shop.http.post
    for path, body in (
        (f"/v1/conversations/{conversation}/rating", {"rating": 5, "comment": f"por mi {CANARY}"}),
        (
            f"/v1/customers/{customer}/memories",
            [
                {
                    "kind": "note",
                    "text": f"nota de la {CANARY}",
                    "at": "2026-01-01T00:00:00Z",
                    "data": {"x": CANARY},
                }
            ],
        ),
        (
            f"/v1/customers/{customer}/facts",
            {"category": "possession", "statement": CANARY, "attribute": "pet", "value": CANARY},
        ),
        (f"/v1/customers/{customer}/requests", {"kind": "correction", "note": f"es {CANARY}"}),
        (f"/v1/customers/{customer}/consents", {"purpose": "marketing", "given": True, "how": CANARY}),
    ):
        response = await post(path, json=body, headers={"Idempotency-Key": CANARY.encode().hex()})
        assert response.status_code < 300, (path, response.text)
    # Somebody merged into them has words of their own.
    twin = await shop.open("twin")
    await shop.say(twin, f"Soy la de la {CANARY}, calzo 42")
    await shop.settle(twin)
    merged = await post(f"/v1/customers/{customer}/merges", json={"other_id": await shop.customer_of(twin)})
    assert merged.status_code == 201
    await shop.recuerda.worker.drain()
    return customer, await shop.customer_of(other)


async def _erased(shop: Shop, customer: str) -> dict[str, object]:
    answer = await shop.http.delete(f"/v1/customers/{customer}")
    assert answer.status_code == 202
    for _ in range(1200):
        view: dict[str, object] = (await shop.http.get(answer.headers["location"])).json()
        if view["status"] == "done":
            return view
        await asyncio.sleep(0.05)
    raise AssertionError("the erasure did not finish")


async def test_no_file_holds_the_words_of_an_erased_customer(
    shape: Settings, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with run_shop(shape) as shop:
        customer, other = await _fill(shop)
        if shape.database_url:  # what its statistics keep is in files, too
            async with shop.recuerda.db.engine.connect() as connection:
                plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await plain.execute(sa.text("ANALYZE"))
                await plain.execute(sa.text("CHECKPOINT"))
        before = raw(shape, request)
        assert holds(before, "zarig")  # the search finds what is there
        view = await _erased(shop, customer)
        assert (await shop.http.get(f"/v1/customers/{other}")).status_code == 200
        assert (await shop.http.get(f"/v1/customers/{customer}/export")).status_code == 404
        async with shop.recuerda.db.read() as session:
            assert (await session.exec(select(Memory.customer_id).distinct())).all() == [other]
            for name, table in SQLModel.metadata.tables.items():
                if "customer_id" in table.c and name not in KEPT:
                    found = await (await session.connection()).execute(sa.select(table.c.customer_id))
                    assert set(found.scalars()) <= {other, None}, name
    after = raw(shape, request)
    assert holds(after, "talla 40")
    for words in (CANARY, CANARY.upper(), "zarig", "Pepa"):
        assert not holds(after, words), words
        assert words not in caplog.text
    receipt = view["receipt"]
    assert isinstance(receipt, dict)
    assert receipt["rows"]["customer"] == 2
    assert receipt["rows"]["message"] >= 6
    assert receipt["files"]
    assert "Backups" in receipt["beyond"]


async def test_an_erasure_notes_its_request_and_closes_it(shape: Settings) -> None:
    async with run_shop(shape) as shop:
        customer = await shop.customer_of(await shop.open("runner"))
        kept = await shop.http.post(
            f"/v1/customers/{customer}/requests", json={"kind": "correction", "note": "se escribe con v"}
        )
        view = await _erased(shop, customer)
        found = (await shop.http.get("/v1/requests", params={"customer_id": customer})).json()["items"]
        assert [(r["kind"], r["status"]) for r in found] == [("erasure", "done"), ("correction", "withdrawn")]
        assert found[0]["erasure_id"] == view["id"]
        assert found[1]["id"] == kept.json()["id"]
        assert found[1]["note"] is None
        async with shop.recuerda.db.read() as session:
            assert (await session.exec(select(DataRequest.status).distinct())).all() != [RequestStatus.OPEN]
            assert found[0]["done_at"] <= now().isoformat()


async def test_erasing_twice_is_erasing_once(shape: Settings) -> None:
    async with run_shop(shape) as shop:
        customer = await shop.customer_of(await shop.open("runner"))
        first = await _erased(shop, customer)
        again = await shop.http.delete(f"/v1/customers/{customer}")
        assert again.json()["erasure_id"] == first["id"]


async def test_what_comes_in_meanwhile_is_somebody_new(shape: Settings) -> None:
    """A message sent while the customer is being erased starts from nothing."""
    async with run_shop(shape) as shop:
        conversation = await shop.open("runner")
        await shop.say(conversation, f"Tengo una {CANARY}")
        customer = await shop.customer_of(conversation)
        await shop.http.delete(f"/v1/customers/{customer}")
        gone = await shop.http.post(f"/v1/conversations/{conversation}/messages", json={"text": "hola"})
        assert gone.status_code == 404
        anew = await shop.customer_of(await shop.open("runner"))
        assert anew != customer
        assert await shop.facts(anew) == []
        await shop.recuerda.worker.drain()


async def test_what_is_learnt_in_the_very_moment_is_erased_too(shape: Settings) -> None:
    """Erasing waits for whoever writes about the customer, instead of tripping over what they add."""
    async with run_shop(shape) as shop:
        conversation = await shop.open("runner")
        await shop.say(conversation, f"Tengo una {CANARY}")
        customer = await shop.customer_of(conversation)
        await shop.recuerda.worker.drain()
        async with shop.recuerda.db.write() as session:
            assert await conversations.may_remember(session, conversation)  # locks the customer
            known = (
                await session.exec(select(Evidence).where(Evidence.conversation_id == conversation))
            ).first()
            assert known is not None
            shorter = known.model_dump() | {"end": known.end - 1, "quote": known.quote[:-1]}
            session.add(Evidence(**{k: v for k, v in shorter.items() if k != "id"}))
            await session.flush()
            erasing = asyncio.create_task(shop.http.delete(f"/v1/customers/{customer}"))
            await asyncio.sleep(0.5)
        assert (await erasing).status_code == 202
        await shop.recuerda.worker.drain()
