"""Is it up, is it ready, how is it doing."""

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from sqlmodel import col, func, select

from recuerda.api.auth import Running
from recuerda.app import Recuerda
from recuerda.migrations import revision
from recuerda.models import Job

router = APIRouter(tags=["health"])


class Metrics:
    """What /metrics tells: counts and times only, never words."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "recuerda_requests", "HTTP requests.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "recuerda_request_seconds", "Seconds to the first byte.", ["route"], registry=self.registry
        )
        self.jobs = Gauge(
            "recuerda_jobs", "Jobs by kind and state.", ["kind", "state"], registry=self.registry
        )


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(recuerda: Running) -> JSONResponse:
    """Whether it can serve, part by part."""
    parts: dict[str, Any] = {}
    try:
        present, newest = await revision(recuerda.db)
        parts["database"] = {"ok": present == newest, "revision": present}
    except sa.exc.SQLAlchemyError as error:
        parts["database"] = {"ok": False, "error": type(error).__name__}
    if parts["database"]["ok"]:
        # A broken index does not stop us: recall is served from SQL while it heals.
        parts["memory"] = {"ok": True, **await recuerda.memories.status()}
    parts["engine"] = {"ok": True, "name": recuerda.engine.name}
    ready = all(part["ok"] for part in parts.values())
    return JSONResponse({"ready": ready, "parts": parts}, status_code=200 if ready else 503)


@router.get("/metrics")
async def metrics(request: Request, recuerda: Running) -> Response:
    """Prometheus."""
    kept: Metrics = request.app.state.metrics
    await _count_jobs(recuerda, kept)
    return Response(generate_latest(kept.registry), media_type=CONTENT_TYPE_LATEST)


async def _count_jobs(recuerda: Recuerda, kept: Metrics) -> None:
    kept.jobs.clear()
    query = select(Job.kind, Job.state, func.count()).group_by(col(Job.kind), col(Job.state))
    async with recuerda.db.read() as session:
        for kind, state, count in (await session.exec(query)).all():
            kept.jobs.labels(kind, str(state)).set(count)
