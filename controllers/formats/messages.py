"""Messages of a request in the form that chat templates expect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...core.errors import RequestError
from .data import FamilyData


def adapt_messages(messages: Sequence[Mapping[str, Any]], data: FamilyData) -> list[dict[str, Any]]:
    """Copies of the messages as the family's template wants them.

    Content becomes one text, thinking of earlier turns goes where the template looks for it (and out of the content),
    arguments of calls become objects. Raises RequestError for content that is no text.
    """
    return [_adapt(message, data, index) for index, message in enumerate(messages)]


def _adapt(message: Mapping[str, Any], data: FamilyData, index: int) -> dict[str, Any]:
    adapted = {key: value for key, value in message.items() if key not in ("reasoning", "reasoning_content")}
    adapted["role"] = data.roles.get(message["role"], message["role"])
    content = text_of(message.get("content"), f"messages.{index}.content")
    if message["role"] == "assistant":
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        if data.think is not None and content is not None:
            content, inline = _without_thinking(content, data.think.open, data.think.close)
            reasoning = reasoning or inline
        if reasoning and data.reasoning_key is not None:
            adapted[data.reasoning_key] = reasoning
        if calls := message.get("tool_calls"):
            adapted["tool_calls"] = [_adapt_call(call, data.arguments == "text") for call in calls]
        else:
            adapted.pop("tool_calls", None)
    calls_only = data.null_content and not content and "tool_calls" in adapted
    adapted["content"] = None if calls_only else content or ""
    return adapted


def text_of(content: Any, param: str) -> str | None:
    """The text of a message's content: itself, or its text parts joined."""
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        raise RequestError("Content is a text or a list of parts.", param)
    return "".join(_part_text(part, param) for part in content)


def _part_text(part: Any, param: str) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
    raise RequestError(f"Content parts of type {kind!r} are not supported, only text.", param)


def _without_thinking(content: str, opening: str, closing: str) -> tuple[str, str]:
    """Content without a thinking block at its beginning, and the block's text."""
    before, found, after = content.partition(closing)
    if not found:
        return content, ""
    return after.lstrip("\n"), before.split(opening)[-1].strip("\n")


def _adapt_call(call: Mapping[str, Any], as_text: bool) -> dict[str, Any]:
    function = dict(call.get("function") or {})
    arguments = function.get("arguments")
    if as_text:
        function["arguments"] = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    else:
        function["arguments"] = _object_of(arguments)
    return {**call, "function": function}


def _object_of(arguments: Any) -> Any:
    """Arguments as an object where their text is one."""
    if not isinstance(arguments, str):
        return arguments or {}
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments
    return value if isinstance(value, dict) else arguments
