"""One turn of the model as it was written: thinking, content and calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ..core.chat_format import CallDelta, ChatFormat
from ..core.events import Channel, ToolAnswered, ToolCalled
from ..core.trajectory import Trajectory
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

    A call that was written while thinking, and followed by the end of that thinking, is only mentioned: it is left out
    where `mentioned` says so of its name.
    """
    before = trajectory.prompt_ids if start == 0 else trajectory.ids[:start]
    reader = _Reader(format, format.tracker(before).channel is Channel.THINK, mentioned)
    for run, until in trajectory.spans(start):
        if ids := trajectory.ids[max(run.start, start) : min(until, end)]:
            (reader.marker if run.marker else reader.text)(run.channel, ids)
    return reader.turn()


class _Reader:
    """Gathers a turn, run by run."""

    def __init__(self, format: ChatFormat, thinking: bool, mentioned: Callable[[str], bool]) -> None:
        self._format, self._mentioned = format, mentioned
        self._turn, self._parser = Turn(), format.call_parser()
        self._calls: dict[int, MadeCall] = {}
        """By their number among all that the parser has seen."""
        self._in_thinking: set[int] = set()
        """Those that were written while thinking, which has not ended since."""
        self._shown = ShownText(format, in_thinking=thinking)

    def marker(self, channel: Channel, ids: Sequence[int]) -> None:
        self._end_call()
        self._shown.marker(channel, ids)
        if channel is Channel.THINK and self._format.think_end_id in ids:
            self._leave_out_mentioned()

    def text(self, channel: Channel, ids: Sequence[int]) -> None:
        if channel is not self._shown.channel:
            self._end_call()
        self._shown.enter(channel)
        text = self._shown.feed(ids)
        if channel is Channel.CALL:
            self._take(self._parser.feed(text))
        elif channel is Channel.ANSWER:
            self._turn.content += text
        else:
            self._turn.reasoning += text

    def _take(self, deltas: Sequence[CallDelta]) -> None:
        for delta in deltas:
            if delta.name is not None:
                self._calls[delta.index] = MadeCall(delta.name)
                if self._shown.thinking:
                    self._in_thinking.add(delta.index)
            self._calls[delta.index].arguments += delta.arguments

    def _end_call(self) -> None:
        deltas, raw = self._parser.close()
        self._take(deltas)
        if self._shown.thinking:
            self._turn.reasoning += raw
        else:
            self._turn.content += raw

    def _leave_out_mentioned(self) -> None:
        for index in self._in_thinking:
            if self._mentioned(self._calls[index].name):
                del self._calls[index]
        self._in_thinking.clear()

    def turn(self) -> Turn:
        """What was gathered."""
        self._end_call()
        self._turn.calls = list(self._calls.values())
        return self._turn


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
