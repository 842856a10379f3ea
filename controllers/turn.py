"""One turn of the model as it was written: thinking, content and calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ..core.chat_format import ChatFormat
from ..core.trajectory import Channel, ToolAnswered, ToolCalled, Trajectory
from .shown_text import ShownText


class MadeCall(msgspec.Struct):
    """A call that the model wrote; `arguments` is JSON text, unless the model wrote it wrong."""

    name: str
    arguments: str = ""


class Turn(msgspec.Struct):
    """One turn of the model."""

    reasoning: str = ""
    content: str = ""
    calls: list[MadeCall] = msgspec.field(default_factory=list)


def read_turn(
    trajectory: Trajectory, format: ChatFormat, start: int, end: int, mentioned: Callable[[str], bool]
) -> Turn:
    """The turn between two positions.

    A call that was written while thinking, and followed by the end of thinking, is only mentioned: it is left out where
    `mentioned` says so of its name.
    """
    turn, parser, offset = Turn(), format.call_parser(), 0
    prompt = trajectory.prompt_ids if start == 0 else trajectory.ids[:start]
    shown = ShownText(format, in_thinking=format.tracker(prompt).channel is Channel.THINK)
    for run, until in trajectory.spans(start):
        ids = trajectory.ids[max(run.start, start) : min(until, end)]
        if run.marker or run.channel is not shown.channel:
            turn.content += parser.close()[1]
        if run.marker:
            shown.marker(run.channel)
            if run.channel is Channel.THINK and format.think_end_id in ids:
                turn.calls = [call for call in turn.calls if not mentioned(call.name)]
                offset = parser.count - len(turn.calls)
            continue
        shown.enter(run.channel)
        text = shown.feed(ids)
        if run.channel is Channel.CALL:
            for delta in parser.feed(text):
                if delta.name is not None:
                    turn.calls.append(MadeCall(delta.name))
                turn.calls[delta.index - offset].arguments += delta.arguments
        elif run.channel is Channel.ANSWER:
            turn.content += text
        else:
            turn.reasoning += text
    turn.content += parser.close()[1]
    return turn


def turn_message(turn: Turn, calls: Sequence[tuple[str, MadeCall]]) -> dict[str, Any]:
    """The turn as a message of a history, with these calls by their ids."""
    message: dict[str, Any] = {"role": "assistant", "content": turn.content}
    if turn.reasoning:
        message["reasoning_content"] = turn.reasoning
    message["tool_calls"] = [
        {"id": id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
        for id, call in calls
    ]
    return message


def result_message(answer: ToolAnswered) -> dict[str, Any]:
    """A result as a message of a history."""
    return {"role": "tool", "tool_call_id": answer.id, "name": answer.name, "content": answer.text}


def event_of(event: ToolCalled | ToolAnswered, choice: int) -> dict[str, Any]:
    """What a client is told that asked for events."""
    if isinstance(event, ToolCalled):
        told = {"id": event.id, "name": event.name, "arguments": event.arguments}
        return {"type": "tool_call", "choice": choice, **told}
    told = {"id": event.id, "name": event.name, "status": event.status, "text": event.text}
    return {"type": "tool_result", "choice": choice, **told, "seconds": event.seconds}


def fenced_arguments(code: str) -> str:
    """The arguments of the tool that runs fenced code."""
    return json.dumps({"code": code}, ensure_ascii=False)
