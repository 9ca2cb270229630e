"""The background work: what waits, what failed and why, and trying it again."""

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, Field

from recuerda import work
from recuerda.api.auth import BrandMayAdminister, Running, api_router
from recuerda.api.fields import Page
from recuerda.errors import Conflict, NotFound
from recuerda.models import Job, JobState

router = api_router("/v1", tag="work")
_LARGEST = 2**63 - 1


class JobView(BaseModel):
    """A piece of work. Holds ids, never anybody's words."""

    id: int
    kind: str
    state: JobState
    conversation_id: str | None
    customer_id: str | None
    attempts: int
    crashes: int
    run_at: datetime = Field(description="When it is tried next, or was last.")
    created_at: datetime
    last_error: str | None = Field(description="The error's kind.")
    explanation: str = Field(description="What happened and what to do, in a sentence or two.")


def job_view(job: Job) -> JobView:
    return JobView(
        **{name: getattr(job, name) for name in JobView.model_fields if name != "explanation"},
        explanation=work.explain(job.last_error),
    )


@router.get("/jobs")
async def list_jobs(
    recuerda: Running,
    asking: BrandMayAdminister,
    state: JobState | None = None,
    cursor: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[JobView]:
    """Newest first; `state=dead` are those given up."""
    async with recuerda.db.read() as session:
        found = await work.find(session, state, before=cursor, limit=limit + 1)
    return Page(
        items=[job_view(job) for job in found[:limit]],
        next_cursor=str(found[limit - 1].id) if len(found) > limit else None,
    )


@router.post("/jobs/{id}/retry", responses={409: {}})
async def retry_job(
    id: Annotated[int, Path(ge=1, le=_LARGEST)], recuerda: Running, asking: BrandMayAdminister
) -> JobView:
    """Try a job that was given up once more, from the start."""
    async with recuerda.db.write() as session:
        job = await session.get(Job, id)
        if job is None:
            raise NotFound("There is no job with this number.")
        if not await work.revive(session, id):
            raise Conflict(f"Only a job that was given up can be tried again; this one is {job.state}.")
        asking.note(session, "work.retry", job.customer_id, str(id))
        await session.refresh(job)
        view = job_view(job)
    recuerda.worker.wake()
    return view
