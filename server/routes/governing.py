"""GET /v1/flyball/controllers: what a request may name, with the JSON Schema of its parameters."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from ...controllers.registry import CONTROLLERS, STRATEGIES, describe
from ..service import Service

router = APIRouter()


@router.get("/v1/flyball/controllers")
async def list_controllers(request: Request) -> dict[str, Any]:
    """Every controller, strategy, auxiliary model, tool and preset of this server."""
    service: Service = request.app.state.service
    presets = {name: block.model_dump(exclude_defaults=True) for name, block in service.config.presets.items()}
    return {
        "controllers": describe(CONTROLLERS),
        "strategies": describe(STRATEGIES),
        "models": sorted(service.models(None)),
        "tools": service.toolbox.described(),
        "presets": presets,
        "format": service.format.name,
        "engine": {"kind": service.config.engine.kind, "losses": list(service.engine.abilities.losses)},
    }
