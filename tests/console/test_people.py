"""Customers and conversations in the console; and that nothing anybody wrote becomes markup."""

import asyncio

from sqlmodel import select

from recuerda.models import Author, Erasure, Job, JobState, Memory, Message
from tests.console.conftest import Console

ATTACK = '<script>alert(1)</script><img src=x onerror="alert(2)">'


async def customer(console: Console, external_id: str = "runner", **more: str) -> str:
    response = await console.shop.http.post(
        "/v1/conversations", json={"customer": {"external_id": external_id, **more}, "locale": "es-CO"}
    )
    assert response.status_code == 201, response.text
    return str(response.json()["customer_id"])


async def test_customers_are_found_by_name_address_and_id(console: Console) -> None:
    ana = await customer(console, name="Ana Núñez", email="ana@example.com", phone="+573005550142")
    await customer(console, "other", name="Bruno")
    for q in ("ana", "Núñez", "nunez", "NÚNEZ", "ana@example", "+57 300 555 0142", "runner", ana):
        page = await console.get(f"/console/customers?q={q.replace('+', '%2B')}")
        assert ana in page, q
        assert "Bruno" not in page, q
    assert "Nobody matches" in await console.get("/console/customers?q=%25")
    assert "There is nothing here" in await console.get("/console/customers/cus_nobody", status=404)


async def test_an_export_is_a_file(console: Console) -> None:
    ana = await customer(console, name="Ana")
    response = await console.http.get(f"/console/customers/{ana}/export")
    assert response.headers["content-disposition"] == f'attachment; filename="{ana}.json"'
    assert response.json()["customer"]["name"] == "Ana"


async def test_erasing_needs_the_name_typed(console: Console) -> None:
    ana = await customer(console, name="Ana Núñez")
    page = f"/console/customers/{ana}"
    refused = await console.post(f"{page}/erase", on=page, status=422, word="yes")
    assert "Nothing was erased" in refused.text
    assert (await console.http.get(page)).status_code == 200
    done = await console.post(f"{page}/erase", on=page, word="ana núñez")
    await console.get(page, status=404)
    for _ in range(400):
        async with console.shop.recuerda.db.read() as session:
            if (await session.exec(select(Erasure.done_at))).one():
                break
        await asyncio.sleep(0.05)
    assert "Everything about this customer was removed" in await console.get(done.headers["location"])


async def test_merging_and_undoing(console: Console) -> None:
    ana = await customer(console, name="Ana")
    other = await customer(console, "phone-ana", name="Anita", email="anita@example.com")
    page = f"/console/customers/{ana}"
    await console.post(f"{page}/merges", on=page, status=422, other="cus_nobody")
    await console.post(f"{page}/merges", on=page, other="anita@example.com")
    merged = await console.get(page)
    assert "anita@example.com" in merged
    undo = merged.split('action="/console/merges/')[1].split('"')[0]
    await console.post(f"/console/merges/{undo}", on=page)
    assert "anita@example.com" not in await console.get(page)
    assert "anita@example.com" in await console.get(f"/console/customers/{other}")


async def test_a_person_takes_over_answers_and_hands_back(console: Console) -> None:
    conversation = await console.shop.open()
    await console.shop.http.post(f"/v1/conversations/{conversation}/handoff")
    page = f"/console/conversations/{conversation}"
    listed = await console.get("/console/conversations?status=waiting")
    assert conversation in listed
    await console.post(f"{page}/reply", on=page, status=409, text="too early")
    await console.post(f"{page}/take", on=page)
    for _ in range(2):  # a double click
        await console.post(f"{page}/reply", on=page, text="Hola, soy Ana", answers="")
    messages = (await console.shop.http.get(f"/v1/conversations/{conversation}/messages")).json()["items"]
    assert [(m["author"], m["text"]) for m in messages] == [("agent", "Hola, soy Ana")]
    silent = await console.shop.say(conversation, "gracias")
    assert silent["reply"] is None
    await console.post(f"{page}/hand-back", on=page)
    assert (await console.shop.say(conversation, "hola"))["reply"] is not None
    await console.post(f"{page}/resolve", on=page)
    assert "Resolved" in await console.get(page)


async def test_what_an_agent_says_off_the_record_is_not_remembered_either(console: Console) -> None:
    conversation = await console.shop.open()
    await console.shop.say(conversation, "no guardes esta conversación")
    page = f"/console/conversations/{conversation}"
    await console.post(f"{page}/take", on=page)
    await console.post(f"{page}/reply", on=page, text="Su pierna mejorará", answers="")
    async with console.shop.recuerda.db.read() as session:
        assert (await session.exec(select(Memory.text))).all() == []
        said = (await session.exec(select(Message.text).where(Message.author == Author.AGENT))).all()
    assert list(said) == ["Su pierna mejorará"]


async def test_given_up_work_is_tried_again(console: Console) -> None:
    assert "No failed work" in await console.get("/console/jobs")
    async with console.shop.recuerda.db.write() as session:
        job = Job(kind="later", lane="x", state=JobState.DEAD, attempts=8, last_error="TimeoutError")
        session.add(job)
    assert "TimeoutError" in await console.get("/console/jobs")
    await console.post(f"/console/jobs/{job.id}/retry", on="/console/jobs")
    async with console.shop.recuerda.db.read() as session:
        again = await session.get_one(Job, job.id)
    assert (again.state, again.attempts) == (JobState.READY, 0)


async def test_what_anybody_wrote_stays_text(console: Console) -> None:
    ana = await customer(console, name=ATTACK, external_id="</title><script>")
    conversation = await console.shop.open("</title><script>")
    await console.shop.say(conversation, f"Uso talla 42 {ATTACK}")
    await console.shop.settle(conversation)
    fact = await console.shop.http.post(
        f"/v1/customers/{ana}/facts", json={"category": "fit", "statement": ATTACK, "value": '"><b>'}
    )
    pages = [
        "/console/review",
        "/console/customers",
        "/console/customers?q=%22%3E%3Cscript%3E",
        f"/console/customers/{ana}",
        f"/console/conversations/{conversation}",
        "/console/conversations",
        f"/console/facts/{fact.json()['id']}?back=%22%3E%3Cscript%3E",
        "/console/review?category=%22%3E%3Cscript%3E",
    ]
    for path in pages:
        page = await console.get(path)
        assert "<script>" not in page, path
        assert "<img src=x" not in page, path
        assert "<b>" not in page.replace("<b>Recorded</b>", "").replace("<b>Reject:", "").replace(
            "<b>Forget:", ""
        ), path


async def test_every_page_keeps_the_policy(console: Console) -> None:
    for path in ("/console/review", "/console/customers", "/console/static/console.js", "/docs"):
        response = await console.http.get(path)
        policy = response.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
    page = await console.get("/console/review")
    assert " style=" not in page
    assert "onclick" not in page
    assert (await console.http.get("/console/review")).headers["cache-control"] == "no-store"
