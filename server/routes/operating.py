"""GET /health and /metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from ...core.errors import Unavailable
from ..service import Service
from .documented import ERROR_RESPONSES

router = APIRouter()


@router.get("/health", responses={503: ERROR_RESPONSES[503]})
async def health(request: Request) -> dict[str, Any]:
    """200 while requests are served; 503 while the engine restarts or the server drains."""
    service: Service = request.app.state.service
    if service.admission.draining:
        raise Unavailable("the server is about to stop")
    if not service.engine.alive:
        raise Unavailable("the engine is being restarted")
    return {
        "status": "ok",
        "model": service.config.model.served_name,
        "engine": service.config.engine.kind,
        "running": service.admission.running,
        "waiting": service.admission.waiting,
        "engine_running": await service.engine.running(),
        "models": service.auxiliary.health(),
        "tools": service.toolbox.health(),
    } | ({"traces": service.traces.health()} if service.traces is not None else {})


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Prometheus text: ours, then those of the process and of vLLM."""
    service: Service = request.app.state.service
    text = generate_latest(service.metrics.registry) + generate_latest(REGISTRY)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
