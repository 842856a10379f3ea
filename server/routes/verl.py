"""POST /get_observation: the tool server that verl-tool's trainers call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import Response

from ...core.errors import RequestError
from ...tools.dispatch import Call
from ...tools.result import Result, Status
from ..event_stream import ClientGone, unless_gone
from ..executor import Batch
from ..service import Service
from ..verl_actions import Action, read_actions
from ..wire.tool_calls import ObservationRequest, ObservationResponse
from .chat import api_key_of
from .documented import OBSERVATION_RESPONSES
from .tools import answer, run

router = APIRouter()


@router.post("/get_observation", responses=OBSERVATION_RESPONSES, response_class=Response)
async def get_observation(body: ObservationRequest, request: Request) -> Response:
    """Run what each trajectory's action asks for. A finished trajectory's state is freed."""
    service: Service = request.app.state.service
    try:
        return answer(await unless_gone(request.receive, _observe(service, body, api_key_of(request, service))))
    except ClientGone:
        return Response(status_code=499)


async def _observe(service: Service, body: ObservationRequest, api_key: str | None) -> ObservationResponse:
    finished = _finished(body)
    keys = [service.toolbox.keys.key(api_key, f"verl.{id}") for id in body.trajectory_ids]
    actions = [[] if over else read_actions(text) for text, over in zip(body.actions, finished, strict=True)]
    batch = Batch()
    for key, wanted in zip(keys, actions, strict=True):
        for action in wanted:
            batch.add(Call("", action.tool, action.arguments), key)
    results = iter(await run(service, batch) if batch.calls else [])
    answered = [[next(results) for _ in wanted] for wanted in actions]
    over = [key for key, done in zip(keys, finished, strict=True) if done]
    await asyncio.gather(*(service.toolbox.sessions.end(key) for key in over))
    return ObservationResponse(
        [_observation(wanted, got) for wanted, got in zip(actions, answered, strict=True)],
        finished,
        [over or _valid(got) for over, got in zip(finished, answered, strict=True)],
    )


def _finished(body: ObservationRequest) -> list[bool]:
    """Which trajectories are over; said in a column of its own or in the extra fields. Errors: RequestError."""
    count = len(body.trajectory_ids)
    for name in ("actions", "finish", "extra_fields"):
        if (column := getattr(body, name)) is not None and len(column) != count:
            raise RequestError(f"{name} has {len(column)} entries, and there are {count} trajectory_ids", name)
    extra = body.extra_fields or [{}] * count
    return [
        bool(said) or fields.get("finish") is True
        for said, fields in zip(body.finish or [False] * count, extra, strict=True)
    ]


def _observation(actions: Sequence[Action], results: Sequence[Result]) -> str | dict[str, str]:
    """The framed results; where the tools failed by themselves, that as well: such a step is not the model's doing."""
    text = "".join(action.frame.replace("{}", result.text) for action, result in zip(actions, results, strict=True))
    failed = next((result.text for result in results if result.status is Status.INFRA), None)
    return text if failed is None else {"obs": text, "error": failed}


def _valid(results: Sequence[Result]) -> bool:
    return bool(results) and all(result.status is not Status.INFRA for result in results)
