"""The background work over the API: what was given up, why, and trying it again."""

from sqlmodel import select

from recuerda.models import Job, JobState
from tests.conftest import Shop


async def _dead(shop: Shop) -> int:
    async with shop.recuerda.db.write() as session:
        job = Job(kind="later", lane="x", state=JobState.DEAD, attempts=8, last_error="Unavailable")
        session.add(job)
    assert job.id
    return job.id


async def test_what_was_given_up_is_listed_explained_and_tried_again(shop: Shop) -> None:
    number = await _dead(shop)
    [job] = (await shop.http.get("/v1/jobs", params={"state": "dead"})).json()["items"]
    assert (job["id"], job["last_error"]) == (number, "Unavailable")
    assert "could not be reached" in job["explanation"]
    again = await shop.http.post(f"/v1/jobs/{number}/retry")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (200, "ready", 0)
    assert (await shop.http.get("/v1/jobs", params={"state": "dead"})).json()["items"] == []
    assert (await shop.http.post(f"/v1/jobs/{number}/retry")).status_code == 409
    assert (await shop.http.post("/v1/jobs/999999/retry")).status_code == 404


async def test_pages_of_work(shop: Shop) -> None:
    numbers = [await _dead(shop) for _ in range(5)]
    seen, cursor = [], None
    while True:
        query = {"state": "dead", "limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await shop.http.get("/v1/jobs", params=query)).json()
        seen += [job["id"] for job in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == sorted(numbers, reverse=True)


async def test_no_job_holds_a_customers_words(shop: Shop) -> None:
    conversation = await shop.open()
    for text in ("Tengo una zarigüeya, uso talla 42", "olvida mi talla", "quiero hablar con una persona"):
        await shop.say(conversation, text)
    await shop.settle(conversation)
    customer = await shop.customer_of(conversation)
    note = {"kind": "note", "text": "zarigüeya", "at": "2026-01-01T00:00:00Z", "id": "zarigüeya"}
    await shop.http.post(f"/v1/customers/{customer}/memories", json=[note])
    await shop.http.delete(f"/v1/customers/{customer}")
    async with shop.recuerda.db.read() as session:
        jobs = (await session.exec(select(Job))).all()
    assert jobs
    for job in jobs:
        assert "zarig" not in job.model_dump_json()
        assert "talla" not in job.model_dump_json()
