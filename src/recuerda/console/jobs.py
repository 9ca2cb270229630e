"""Work that was given up, and trying it again."""

from fastapi import Response

from recuerda.console.web import WorkPosted, WorkSignedIn, console_router, page, see
from recuerda.models import JobState
from recuerda.work import find, revive, why

_MOST = 200
router = console_router()


@router.get("/jobs")
async def failed(visit: WorkSignedIn) -> Response:
    async with visit.recuerda.db.read() as session:
        jobs = await find(session, JobState.DEAD, limit=_MOST)
    return await page(visit, "jobs.html", jobs=jobs, why=why)


@router.post("/jobs/{job_id}/retry")
async def retry(visit: WorkPosted, job_id: int) -> Response:
    async with visit.recuerda.db.write() as session:
        await revive(session, job_id)
        visit.note(session, "job.retry", target=str(job_id))
    visit.recuerda.worker.wake()
    return see("/console/jobs", done="retry")
