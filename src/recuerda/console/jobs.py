"""Work that was given up, and trying it again."""

from fastapi import Response
from sqlmodel import col, select

from recuerda.console.web import WorkPosted, WorkSignedIn, console_router, page, see
from recuerda.models import Job, JobState
from recuerda.work import revive, why

_MOST = 200
router = console_router()


@router.get("/jobs")
async def failed(visit: WorkSignedIn) -> Response:
    query = select(Job).where(Job.state == JobState.DEAD).order_by(col(Job.id).desc()).limit(_MOST)
    async with visit.recuerda.db.read() as session:
        jobs = (await session.exec(query)).all()
    return await page(visit, "jobs.html", jobs=jobs, why=why)


@router.post("/jobs/{job_id}/retry")
async def retry(visit: WorkPosted, job_id: int) -> Response:
    async with visit.recuerda.db.write() as session:
        await revive(session, job_id)
        visit.note(session, "job.retry", target=str(job_id))
    visit.recuerda.worker.wake()
    return see("/console/jobs", done="retry")
