"""A trajectory with tools of the server as messages: what a client's history does not hold, in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.chat_format import ChatFormat
from ..core.events import ToolAnswered
from ..core.trajectory import Trajectory
from .server_tools import ServerTools
from .turn import Turn, read_turn, result_message, turn_message


def history_of(
    trajectory: Trajectory, format: ChatFormat, server: ServerTools, client_ids: Sequence[str]
) -> list[dict[str, Any]]:
    """Every turn with its calls and results; the client's calls, of the last turn, have these ids, and no results yet.

    A call of the server's that was never made (a stop string ended the turn behind it) is left out.
    """
    messages: list[dict[str, Any]] = []
    remaining = iter(client_ids)
    for turn, answers in _turns(trajectory, format, server):
        own = (answer.id for answer in answers)
        ids = [next(own if server.runs(call.name) else remaining, None) for call in turn.calls]
        calls = [(id, call) for id, call in zip(ids, turn.calls, strict=True) if id is not None]
        messages.append(turn_message(turn, calls))
        messages += [result_message(answer) for answer in answers]
    return messages


def _turns(
    trajectory: Trajectory, format: ChatFormat, server: ServerTools
) -> Iterator[tuple[Turn, list[ToolAnswered]]]:
    start = 0
    for run, end in trajectory.results():
        answers = trajectory.answers_at(run.start)
        if not any(answer.fenced for answer in answers):
            yield read_turn(trajectory, format, start, run.start, server.runs), answers
            start = end
    last = len(trajectory.ids)
    yield read_turn(trajectory, format, start, last, server.runs), trajectory.answers_at(last)


def restored(
    kept: Sequence[Mapping[str, Any]], sent: Mapping[str, Any], results: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """An assistant message that a client sends back, with the results of its calls, as the turns that it stands for.

    `kept` is what `history_of` gave. The client's own calls are as it sends them; all results of the last turn come in
    the order of its calls.
    """
    *before, last = kept[: max(at for at, message in enumerate(kept) if message["role"] == "assistant") + 1]
    by_id = {call["id"]: call for call in sent.get("tool_calls") or ()}
    calls = [by_id.get(call["id"], call) for call in last["tool_calls"]]
    found = {message["tool_call_id"]: message for message in [*kept[len(before) + 1 :], *results]}
    ordered = [dict(found.pop(call["id"])) for call in calls if call["id"] in found]
    return [*map(dict, before), {**last, "tool_calls": calls}, *ordered, *map(dict, found.values())]
