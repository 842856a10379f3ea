"""POST /v1/chat/completions."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request
from starlette.responses import Response

from ...controllers.episode import Episode
from ..body import Head, Plain, Stream
from ..event_stream import ClientGone, EventStream, unless_gone
from ..service import Service
from ..wire.requests import ChatCompletionRequest
from .documented import CHAT_RESPONSES

router = APIRouter()
log = logging.getLogger(__name__)


@router.post("/v1/chat/completions", responses=CHAT_RESPONSES, response_class=Response)
async def chat_completions(body: ChatCompletionRequest, request: Request) -> Response:
    """Answer a conversation, governed by the controllers that the request names."""
    service: Service = request.app.state.service
    begun = time.perf_counter()
    api_key = api_key_of(request, service)
    episode = await service.open(body, api_key)
    head = Head(episode.spec.id, int(episode.started), body.model, service.config.server.reasoning_fields)
    if body.stream:
        return _streamed(service, episode, body, head, begun, api_key)
    plain = Plain(head, episode, service.format, body.top_logprobs or 0 if body.logprobs else None)

    async def gather() -> bytes:
        async with aclosing(service.pieces(episode, body, api_key, streamed=False)) as pieces:
            async for index, piece, ended in pieces:
                plain.add(index, piece, ended)
        return plain.encoded()

    try:
        encoded = await unless_gone(request.receive, gather())
    except ClientGone:
        return Response(status_code=499)
    named = headers(begun) | {"x-flyball-trace": episode.spec.id}
    return Response(encoded, headers=named, media_type="application/json")


def api_key_of(request: Request, service: Service) -> str | None:
    """The client's API key, which the gate has checked; None where clients need none."""
    if not service.config.server.api_keys:
        return None
    return request.headers.get("authorization", "").partition(" ")[2].strip()


def _streamed(
    service: Service, episode: Episode, body: ChatCompletionRequest, head: Head, begun: float, api_key: str | None
) -> EventStream:
    options = body.stream_options
    usage = options is not None and options.include_usage
    each = options is not None and options.continuous_usage_stats
    stream = Stream(head, episode, service.format, body.top_logprobs or 0, usage, each)

    async def events() -> AsyncGenerator[bytes]:
        async with aclosing(service.pieces(episode, body, api_key, streamed=True)) as pieces:
            async for index, piece, ended in pieces:
                if event := stream.piece(index, piece, ended):
                    yield event

    named = headers(begun) | {"x-flyball-trace": episode.spec.id}
    return EventStream(
        events(), service.config.server.keep_alive_seconds, named, lambda error: log_failure(error, episode.spec.id)
    )


def log_failure(error: BaseException, id: str) -> None:
    """An error that a client may only see as an event."""
    log.error("stream %s failed", id, exc_info=error)


def headers(begun: float) -> dict[str, str]:
    """How long the server has worked on a request before, or for a plain body with, the engine."""
    return {"x-flyball-ms": f"{(time.perf_counter() - begun) * 1e3:.1f}"}
