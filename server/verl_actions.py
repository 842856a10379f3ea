"""What a model trained with verl-tool writes to act, and how it reads what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class _Form(NamedTuple):
    """How an action is marked: what opens it, what closes it, and the frame of its result."""

    opening: re.Pattern[str]
    closing: str
    frame: str

    def inside(self, text: str) -> Iterator[str]:
        """What stands between openings and the closings behind them. Not one pattern: its search would be quadratic."""
        at = 0
        while (opened := self.opening.search(text, at)) is not None:
            end = text.find(self.closing, opened.end())
            if end < 0:
                return
            yield text[opened.end() : end]
            at = end + len(self.closing)


_CALL = _Form(re.compile("<tool_call>"), "</tool_call>", "\n<tool_response>\n{}\n</tool_response>\n")
_PYTHON = (
    _Form(re.compile("<python>"), "</python>", "\n<output>\n{}\n</output>\n"),
    _Form(re.compile(r"```\n?(?:python3?|py)\b"), "```", "\n```output\n{}\n```\n"),
)
_SEARCH = _Form(re.compile("<search>"), "</search>", "\n<information>{}</information>\n")


class Action(NamedTuple):
    """A call of a tool, and the frame of its result."""

    tool: str
    arguments: Mapping[str, Any] | str
    frame: str


def read_actions(text: str) -> list[Action]:
    """The calls in what a model wrote; none when there is nothing that a tool could take.

    Example: "<search>Mira Tarn</search>" is a call of `search`. Several blocks of Python are one call.
    """
    if calls := list(_CALL.inside(text)):
        return [_call(call) for call in calls]
    for form in _PYTHON:
        if blocks := list(form.inside(text)):
            return [Action("python", {"code": "\n".join(block.strip("\n") for block in blocks)}, form.frame)]
    return [Action("search", {"query": query.strip()}, _SEARCH.frame) for query in _SEARCH.inside(text)]


def _call(text: str) -> Action:
    try:
        call = json.loads(text)
        name, arguments = call["name"], call.get("arguments", {})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Action("", text, _CALL.frame)
    return Action(str(name), arguments if isinstance(arguments, dict | str) else json.dumps(arguments), _CALL.frame)
