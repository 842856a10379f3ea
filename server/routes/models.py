"""GET /v1/models and /v1/models/{id}."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from ..service import Service
from ..wire.responses import ModelCard, ModelList
from .documented import MODEL_RESPONSES, MODELS_RESPONSES

router = APIRouter()


def _card(service: Service, name: str) -> ModelCard:
    context = service.engine.abilities.context_length
    return ModelCard(name, service.created, root=service.config.model.served_name, max_model_len=context)


@router.get("/v1/models", responses=MODELS_RESPONSES, response_class=Response)
async def list_models(request: Request) -> Response:
    """Everything that `model` may be: the model, its adapters, and both with each preset."""
    service: Service = request.app.state.service
    cards = ModelList([_card(service, name) for name in service.model_names()])
    return Response(msgspec.json.encode(cards), media_type="application/json")


@router.get("/v1/models/{model:path}", responses=MODEL_RESPONSES, response_class=Response)
async def get_model(model: str, request: Request) -> Response:
    """One model; its name may hold slashes."""
    service: Service = request.app.state.service
    card = _card(service, service.target(model).model)
    return Response(msgspec.json.encode(card), media_type="application/json")
