"""Is it up, is it ready, how is it doing."""

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlmodel import col, func, select

from recuerda import work
from recuerda.api.auth import Running
from recuerda.app import Recuerda
from recuerda.errors import SetupError
from recuerda.migrations import revision
from recuerda.models import Job, now
from recuerda.telemetry import metrics

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    responses={503: {"description": "Not ready; the same body.", "content": {"application/json": {}}}},
)
async def readyz(recuerda: Running) -> JSONResponse:
    """Whether it can serve, part by part. A part that is `degraded` does not stop it: without the index
    recall is served from SQL, without a worker replies are still written and the rest waits."""
    parts: dict[str, dict[str, Any]] = {}
    try:
        present, newest = await revision(recuerda.db)
        parts["database"] = {"ok": True}
        parts["migrations"] = {"ok": present == newest, "revision": present, "newest": newest}
    except (sa.exc.SQLAlchemyError, SetupError, OSError) as error:
        # Of a database that a newer version has migrated, only that is known.
        parts["database"] = {"ok": isinstance(error, SetupError), "error": type(error).__name__}
        parts["migrations"] = {"ok": False}
    if ready := all(part["ok"] for part in parts.values()):
        status = await recuerda.memories.status()
        parts["memory"] = {"ok": status["open"], **status}
        async with recuerda.db.read() as session:
            seen = await work.last_seen(session)
        parts["worker"] = {"ok": seen is not None and now() - seen < work.SILENT, "seen_at": seen}
    parts["engine"] = {"ok": True, "name": recuerda.engine.name}
    degraded = [name for name, part in parts.items() if not part["ok"]]
    body = {"ready": ready, "degraded": degraded, "parts": parts}
    return JSONResponse(jsonable_encoder(body), status_code=200 if ready else 503)


@router.get("/metrics", response_class=PlainTextResponse)
async def prometheus(recuerda: Running) -> Response:
    """For Prometheus: counts and times, never words."""
    await _count_jobs(recuerda)
    return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)


async def _count_jobs(recuerda: Recuerda) -> None:
    metrics.JOBS.clear()
    query = select(Job.kind, Job.state, func.count()).group_by(col(Job.kind), col(Job.state))
    async with recuerda.db.read() as session:
        for kind, state, count in (await session.exec(query)).all():
            metrics.JOBS.labels(kind, str(state)).set(count)
