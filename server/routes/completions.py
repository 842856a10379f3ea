"""POST /v1/completions: text or token ids continued as they are; no chat format, no controllers."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from ...core.errors import ContextOverflow, RequestError, Unavailable
from ..continuation import Continuation, TextPiece
from ..event_stream import ClientGone, EventStream, unless_gone
from ..service import Service
from ..translate import check_sampling, refuse_unserved
from ..wire.requests import CompletionRequest, StreamOptions
from ..wire.responses import TextChoice, TextCompletion, Usage
from .chat import headers, log_failure
from .documented import COMPLETION_RESPONSES

router = APIRouter()


@router.post("/v1/completions", responses=COMPLETION_RESPONSES, response_class=Response)
async def completions(body: CompletionRequest, request: Request) -> Response:
    """Continue a prompt."""
    service: Service = request.app.state.service
    begun = time.perf_counter()
    _check(body)
    job = _Job(service, body)
    if body.stream:
        keep_alive = service.config.server.keep_alive_seconds
        return EventStream(job.events(begun), keep_alive, headers(begun), lambda error: log_failure(error, job.id))
    try:
        encoded = await unless_gone(request.receive, job.whole(begun))
    except ClientGone:
        return Response(status_code=499)
    return Response(encoded, headers=headers(begun), media_type="application/json")


def _check(body: CompletionRequest) -> None:
    if body.flyball:
        raise RequestError("controllers govern /v1/chat/completions only", "flyball")
    for name in ("echo", "suffix"):
        if getattr(body, name):
            raise RequestError(f"{name} is not served", name)
    if body.best_of not in (None, body.n):
        raise RequestError("best_of is not served; use n, or a strategy on /v1/chat/completions", "best_of")
    if body.stream_options is not None and not body.stream:
        raise RequestError("stream_options needs stream", "stream_options")
    refuse_unserved(body)


class _Job:
    """One request: every prompt n times, decoded at once."""

    def __init__(self, service: Service, body: CompletionRequest) -> None:
        target = service.target(body.model)
        if target.preset is not None:
            raise RequestError("a preset governs /v1/chat/completions only", "model")
        if not service.engine.alive:
            raise Unavailable("the engine is being restarted")
        check_sampling(body, body.logprobs, "logprobs", service.engine.abilities)
        self._service, self._body = service, body
        self.id = f"cmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._prompts = _prompts(body.prompt, service)
        service.admission.check(len(self._prompts) * body.n, "n" if body.n > 1 else "prompt")
        context = service.engine.abilities.context_length
        for ids in self._prompts:
            if len(ids) >= context:
                raise ContextOverflow(len(ids), context)
        self._parts = [
            Continuation(service.engine, service.format, body, ids, target.adapter, f"{self.id}-{index}", choice)
            for index, (ids, choice) in enumerate((ids, choice) for ids in self._prompts for choice in range(body.n))
        ]

    async def _pieces(self, begun: float) -> AsyncGenerator[tuple[int, TextPiece]]:
        service, outcome = self._service, "cancelled"
        queue: asyncio.Queue[tuple[int, TextPiece] | asyncio.Task[None]] = asyncio.Queue()

        async def forward(index: int, part: Continuation) -> None:
            async with aclosing(part.pieces()) as pieces:
                async for piece in pieces:
                    queue.put_nowait((index, piece))

        try:
            async with service.admission.slots(len(self._parts)):
                tasks = [asyncio.create_task(forward(index, part)) for index, part in enumerate(self._parts)]
                for task in tasks:
                    task.add_done_callback(queue.put_nowait)
                try:
                    done = 0
                    while done < len(tasks):
                        item = await queue.get()
                        if isinstance(item, asyncio.Task):
                            item.result()
                            done += 1
                        else:
                            yield item
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
            outcome = "ok"
        except Exception:
            outcome = "error"
            raise
        finally:
            service.metrics.count("completions", outcome, time.perf_counter() - begun)

    async def events(self, begun: float) -> AsyncGenerator[bytes]:
        """The stream."""
        options = self._body.stream_options or StreamOptions()
        async with aclosing(self._pieces(begun)) as pieces:
            async for index, piece in pieces:
                usage = self._usage() if options.continuous_usage_stats else msgspec.UNSET
                yield self._event([self._choice(index, piece)], usage)
        if options.include_usage:
            yield self._event([], self._usage())

    def _event(self, choices: list[TextChoice], usage: Usage | msgspec.UnsetType) -> bytes:
        chunk = TextCompletion(self.id, self._created, self._body.model, choices, usage=usage)
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"

    async def whole(self, begun: float) -> bytes:
        """The plain body."""
        gathered: dict[int, list[TextPiece]] = {index: [] for index in range(len(self._parts))}
        async with aclosing(self._pieces(begun)) as pieces:
            async for index, piece in pieces:
                gathered[index].append(piece)
        choices = [self._choice(index, TextPiece.joined(parts)) for index, parts in gathered.items()]
        body = TextCompletion(self.id, self._created, self._body.model, choices, usage=self._usage())
        return msgspec.json.encode(body)

    def _choice(self, index: int, piece: TextPiece) -> TextChoice:
        choice = TextChoice(index, piece.text, piece.finish, stop_reason=piece.stop)
        if self._body.logprobs is not None:
            choice.logprobs = self._logprobs(piece)
        if self._body.return_token_ids:
            choice.token_ids = piece.ids
        return choice

    def _logprobs(self, piece: TextPiece) -> dict[str, Any]:
        decode = self._service.format.decode
        top = self._body.logprobs or 0
        return {
            "tokens": [decode([token]) for token in piece.ids],
            "token_logprobs": [logprob.logprob for logprob in piece.logprobs],
            "top_logprobs": [
                {decode([other]): value for other, value in logprob.top[:top]} for logprob in piece.logprobs
            ],
            "text_offset": piece.offsets,
        }

    def _usage(self) -> Usage:
        prompt = sum(map(len, self._prompts))
        sampled = sum(part.sampled for part in self._parts)
        cached = sum(part.cached_tokens for part in self._parts)
        return Usage(prompt, sampled, prompt + sampled, {"cached_tokens": cached}, {"reasoning_tokens": 0})


def _prompts(prompt: str | Sequence[Any], service: Service) -> list[list[int]]:
    """Every prompt as token ids. Errors: RequestError for an empty one."""
    if isinstance(prompt, str) or (prompt and isinstance(prompt[0], int)):
        prompt = [prompt]
    encode = service.format.encode
    prompts = [encode(item) if isinstance(item, str) else list(item) for item in prompt]
    if not prompts or not all(prompts):
        raise RequestError("an empty prompt cannot be continued", "prompt")
    return prompts
