"""Tools for programs: calls in batches, the list of tools, the end of a session."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ...core.errors import Unavailable
from ...tools.dispatch import Call
from ...tools.result import Result
from ...tools.tool import ToolSpec
from ..event_stream import ClientGone, unless_gone
from ..executor import Batch
from ..service import Service
from ..wire.tool_calls import (
    CallIn,
    ExecuteRequest,
    ExecuteResponse,
    ImageOut,
    ResultOut,
    SessionDeleted,
    ToolList,
    ToolOut,
    UsageOut,
)
from .chat import api_key_of
from .documented import EXECUTE_RESPONSES, SESSION_RESPONSES, TOOLS_RESPONSES

router = APIRouter()


def answer(body: msgspec.Struct) -> Response:
    """A body as JSON; of values that JSON does not know, their text."""
    return Response(msgspec.json.encode(body, enc_hook=repr), media_type="application/json")


@router.post("/v1/flyball/tools/execute", responses=EXECUTE_RESPONSES, response_class=Response)
async def execute(body: ExecuteRequest, request: Request) -> Response:
    """Run calls: those of one session one after the other, all others at the same time."""
    service: Service = request.app.state.service
    key = api_key_of(request, service)
    batch = Batch()
    for call in body.calls:
        session = service.toolbox.session_key(key, call.session)
        batch.add(Call(call.id, call.tool, call.arguments), session, call.timeout_s or math.inf)
    try:
        results = await unless_gone(request.receive, run(service, batch))
    except ClientGone:
        return Response(status_code=499)
    return answer(ExecuteResponse([_out(call, result) for call, result in zip(body.calls, results, strict=True)]))


async def run(service: Service, batch: Batch) -> list[Result]:
    """The results of a batch, which are counted. Errors: those of Executor, Unavailable while the server drains."""
    if service.admission.draining:
        raise Unavailable("the server is about to stop")
    results = await service.toolbox.executor.run(batch)
    for (call, _), result in zip(batch.calls, results, strict=True):
        service.count_tool_call(call.name, result.status)
    return results


def _out(call: CallIn, result: Result) -> ResultOut:
    usage = result.usage
    return ResultOut(
        id=call.id,
        tool=call.tool,
        status=result.status,
        text=result.text,
        images=[ImageOut(image.media_type, image.data) for image in result.images],
        structured=result.structured,
        usage=UsageOut(round(usage.seconds, 6), usage.cpu_seconds, usage.memory_bytes, usage.usd),
        restarted=result.restarted,
    )


@router.get("/v1/flyball/tools", responses=TOOLS_RESPONSES, response_class=Response)
async def list_tools(
    request: Request,
    query: Annotated[str | None, Query(max_length=2000)] = None,
    k: Annotated[int, Query(ge=1, le=100)] = 8,
) -> Response:
    """Every tool; with a query, the `k` that fit it best."""
    service: Service = request.app.state.service
    toolbox = service.toolbox
    if query is None:
        return answer(ToolList([_tool(spec) for spec in toolbox.tools.specs()]))
    hits = await toolbox.choices.search(query, k)
    return answer(ToolList([_tool(toolbox.tools[hit.name].spec, hit.score) for hit in hits]))


def _tool(spec: ToolSpec, score: float | None = None) -> ToolOut:
    return ToolOut(spec.name, spec.description, dict(spec.parameters), spec.effect, spec.usd, score)


@router.delete("/v1/flyball/sessions/{id}", responses=SESSION_RESPONSES, response_class=Response)
async def delete_session(id: str, request: Request) -> Response:
    """End a session of this client's: what tools keep for it is freed when the answer comes."""
    service: Service = request.app.state.service
    key = service.toolbox.keys.key(api_key_of(request, service), id)
    return answer(SessionDeleted(id, await service.toolbox.sessions.end(key)))
