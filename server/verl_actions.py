"""What a model trained with verl-tool writes to act, and how it reads what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
_PYTHON = re.compile(r"<python>(.*?)</python>", re.DOTALL)
_FENCED = re.compile(r"```\n?(?:python|py)\b[^\n]*\n(.*?)```", re.DOTALL)
_SEARCH = re.compile(r"<search>(.*?)</search>", re.DOTALL)


class Action(NamedTuple):
    """A call of a tool, and the frame of its result."""

    tool: str
    arguments: Mapping[str, Any] | str
    frame: str


def read_actions(text: str) -> list[Action]:
    """The calls in what a model wrote; none when there is nothing that a tool could take.

    Example: "<search>Mira Tarn</search>" is a call of `search`. Several blocks of Python are one call.
    """
    if calls := _CALL.findall(text):
        return [_call(call) for call in calls]
    for pattern, frame in ((_PYTHON, "\n<output>\n{}\n</output>\n"), (_FENCED, "\n```output\n{}\n```\n")):
        if blocks := pattern.findall(text):
            return [Action("python", {"code": "\n".join(block.strip("\n") for block in blocks)}, frame)]
    return [
        Action("search", {"query": query.strip()}, "\n<information>{}</information>\n")
        for query in _SEARCH.findall(text)
    ]


def _call(text: str) -> Action:
    frame = "\n<tool_response>\n{}\n</tool_response>\n"
    try:
        call = json.loads(text)
        name, arguments = call["name"], call.get("arguments", {})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Action("", text, frame)
    return Action(str(name), arguments if isinstance(arguments, dict | str) else json.dumps(arguments), frame)
