"""Runs the calls of a message."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..core.errors import ToolError
from .answers import AnswerKey, Answers
from .boundary import settled
from .checking import canonical, parse_arguments
from .near import near_names
from .result import Result, Status, Usage
from .tool import CallContext, Effect, Tool

_REMEMBERED, _REMEMBERED_BYTES = 256, 8 * 1024 * 1024
"""What one trajectory remembers of the answers of pure tools."""

_SEEN_BEFORE = "[You made this call before; this is the same answer.]"
_SEEN_HERE = "[You made this call twice in one message; it was run once.]"


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as a model or a client wrote it."""

    id: str
    name: str
    arguments: Mapping[str, Any] | str
    """As an object or as JSON text."""


class _Asked(NamedTuple):
    """A call that can be made."""

    key: AnswerKey
    tool: Tool
    arguments: dict[str, Any]
    id: str


class Dispatcher:
    """Runs calls for one trajectory, with the tools that it may use: one dispatcher each, as it remembers answers.

    - The calls of a message run at the same time; results come in the order of the calls, one for each, and whatever
      happens to one call, the others run on. Cancelling stops all.
    - Equal calls in one message run once, unless they have side effects.
    - A call of a pure tool that was answered well earlier is answered from memory, with a note to the model.
    - A call that cannot be made (unknown tool, arguments that are no JSON) is a `user_error`.

    Example: await Dispatcher(registry).run([Call("1", "add", '{"a": 1, "b": 2}')], CallContext("t.1"))
    """

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = tools
        self._answers = Answers(_REMEMBERED, _REMEMBERED_BYTES)

    async def run(self, calls: Sequence[Call], context: CallContext) -> list[Result]:
        """One result for each call, in the same order."""
        asked = [self._asked(call) for call in calls]
        place = _places(asked)
        running: dict[int, asyncio.Task[Result]] = {}
        async with asyncio.TaskGroup() as group:
            for number, call in enumerate(asked):
                if isinstance(call, _Asked) and place[number] == number:
                    running[number] = group.create_task(self._answer(call, context))
        return [
            call if isinstance(call, Result) else _taken(running[place[number]].result(), place[number] == number)
            for number, call in enumerate(asked)
        ]

    def _asked(self, call: Call) -> _Asked | Result:
        tool = self._tools.get(call.name)
        if tool is None:
            return self._unknown(call.name)
        try:
            arguments = parse_arguments(call.arguments)
            return _Asked(AnswerKey(call.name, canonical(arguments)), tool, arguments, call.id)
        except ToolError as error:
            return Result(Status.USER_ERROR, f"The call of {call.name!r} is wrong: {error}.")

    def _unknown(self, name: str) -> Result:
        near = near_names(name, self._tools)
        hint = (
            f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join([*self._tools][:20]) or 'none'}."
        )
        return Result(Status.USER_ERROR, f"There is no tool {name[:64]!r}. {hint}")

    async def _answer(self, call: _Asked, context: CallContext) -> Result:
        pure = call.tool.spec.effect is Effect.PURE
        if pure and (known := self._answers.get(call.key)) is not None:
            return _again(known, _SEEN_BEFORE)
        result = await settled(call.key.owner, call.tool.call(call.arguments, replace(context, call_id=call.id)))
        if pure and result.ok:
            self._answers.keep(call.key, result)
        return result


def _places(asked: Sequence[_Asked | Result]) -> list[int]:
    """For each call the first one that is equal to it; a call with side effects is equal to none."""
    first: dict[AnswerKey, int] = {}
    return [
        number
        if isinstance(call, Result) or call.tool.spec.effect is Effect.SIDE_EFFECTS
        else first.setdefault(call.key, number)
        for number, call in enumerate(asked)
    ]


def _taken(result: Result, first: bool) -> Result:
    return result if first or result.repeated else _again(result, _SEEN_HERE)


def _again(result: Result, note: str) -> Result:
    return replace(result, text=f"{result.text}\n{note}", usage=Usage(), repeated=True)
