"""JSON schemas for calls that must be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.errors import RequestError

_DEFINITIONS = ("$defs", "definitions")


def parameters_schema(tool: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a tool's arguments; any object when it names none."""
    return dict(tool["function"].get("parameters") or {"type": "object"})


def tool_name(tool: Mapping[str, Any]) -> str:
    """The name that the model calls it by."""
    return str(tool["function"]["name"])


def call_schema(tools: Sequence[Mapping[str, Any]], arguments_key: str = "arguments") -> dict[str, Any]:
    """The schema of one call as an object with a name and arguments, to any of the tools.

    Definitions that parameters refer to move to the root, where "#/$defs/…" finds them.
    """
    definitions: dict[str, dict[str, Any]] = {}
    calls = [_one_call(tool, arguments_key, definitions) for tool in tools]
    schema = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return {**schema, **definitions}


def _one_call(tool: Mapping[str, Any], arguments_key: str, definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    arguments = parameters_schema(tool)
    for key in _DEFINITIONS:
        for name, definition in arguments.pop(key, {}).items():
            if definitions.setdefault(key, {}).setdefault(name, definition) != definition:
                raise RequestError(f"Two tools define {key}/{name} differently; rename one of them.", "tools")
    return {
        "type": "object",
        "properties": {"name": {"const": tool_name(tool)}, arguments_key: arguments},
        "required": ["name", arguments_key],
        "additionalProperties": False,
    }


def only_tool(tools: Sequence[Mapping[str, Any]], family: str) -> Mapping[str, Any]:
    """The one tool of a forced call, for families whose calls name the tool outside of the JSON."""
    if len(tools) != 1:
        raise RequestError(
            f"tool_choice 'required' with several tools cannot be enforced for {family}; name the tool.", "tool_choice"
        )
    return tools[0]
