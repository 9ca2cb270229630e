"""Requests by law, consent, exports and failed work in the console."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from recuerda.console.texts import Words
from recuerda.models import AuditEntry, DataRequest, Job, JobState, RequestStatus, now
from recuerda.work import Why
from tests.console.conftest import Console
from tests.console.test_people import ATTACK, customer


async def test_a_request_is_noted_counted_down_and_answered(console: Console) -> None:
    ana = await customer(console, name="Ana", phone="+573005550142")
    page = f"/console/customers/{ana}"
    await console.post(f"{page}/requests", on=page, kind="correction", note=ATTACK)
    shown = await console.get("/console/requests")
    assert "Ley 1581" in shown
    assert "days left" in shown
    assert "<script>alert" not in shown
    async with console.shop.recuerda.db.write() as session:
        request = (await session.exec(select(DataRequest))).one()
        request.due_at = now() - timedelta(days=2, hours=1)
    late = await console.get("/console/requests")
    assert 'class="overdue"' in late
    assert "Overdue, day 3" in late
    where = f"/console/requests/{request.id}"
    await console.post(where, on="/console/requests", status=422, decision="refused", answer=" ")
    await console.post(where, on="/console/requests", decision="refused", answer="It is right as it is")
    assert "Nothing here" in await console.get("/console/requests")
    assert "It is right as it is" in await console.get("/console/requests?status=closed")
    await console.post(where, on=page, status=409, decision="done")
    async with console.shop.recuerda.db.read() as session:
        query = select(AuditEntry.action).where(AuditEntry.customer_id == ana).order_by(col(AuditEntry.id))
        noted = [action for action in (await session.exec(query)).all() if action.startswith("request.")]
    assert noted == ["request.correction", "request.refused"]


async def test_more_time_is_taken_once_where_the_law_gives_it(console: Console) -> None:
    ana = await customer(console, phone="+573005550142")
    bia = await customer(console, "bia", phone="+5511987654321")
    for who in (ana, bia):
        await console.post(
            f"/console/customers/{who}/requests", on=f"/console/customers/{who}", kind="access"
        )
    async with console.shop.recuerda.db.read() as session:
        found = {r.customer_id: r for r in (await session.exec(select(DataRequest))).all()}
    colombian, brazilian = found[ana], found[bia]
    await console.post(
        f"/console/requests/{colombian.id}", on="/console/requests", decision="extend", answer="archives"
    )
    for request in (colombian, brazilian):
        path = f"/console/requests/{request.id}"
        await console.post(path, on="/console/requests", status=409, decision="extend", answer="again")
    async with console.shop.recuerda.db.read() as session:
        again = await session.get_one(DataRequest, colombian.id)
    assert again.due_at > colombian.due_at


@pytest.mark.parametrize("format", ["json", "html"])
async def test_an_export_answers_the_open_request(console: Console, format: str) -> None:
    ana = await customer(console, name=ATTACK)
    page = f"/console/customers/{ana}"
    await console.post(f"{page}/requests", on=page, kind="access")
    response = await console.http.get(f"{page}/export", params={"format": format})
    assert response.headers["content-disposition"].endswith(f'{ana}.{format}"')
    assert "<script>" not in response.text or format == "json"
    async with console.shop.recuerda.db.read() as session:
        assert (await session.exec(select(DataRequest.status))).all() == [RequestStatus.DONE]


async def test_consent_is_noted_and_withdrawn(console: Console) -> None:
    ana = await customer(console)
    page = f"/console/customers/{ana}"
    assert "not given" in await console.get(page)
    for given in ("true", "false"):
        await console.post(
            f"{page}/consents", on=page, purpose="marketing", given=given, how="said so on the phone"
        )
    shown = await console.get(page)
    assert "said so on the phone" in shown
    consents = (await console.shop.http.get(f"/v1/customers/{ana}/consents")).json()
    assert consents["standing"]["marketing"] is False
    assert [one["given"] for one in consents["history"]] == [False, True]


async def test_failed_work_is_explained(console: Console) -> None:
    async with console.shop.recuerda.db.write() as session:
        session.add(Job(kind="later", lane="x", state=JobState.DEAD, attempts=8, last_error="Unavailable"))
    assert "could not be reached" in await console.get("/console/jobs")


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_every_reason_has_words(language: str) -> None:
    words = Words(language)  # type: ignore[arg-type]
    assert all(words(f"why.{reason}") for reason in Why)
