"""What the OpenAPI document says of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..wire.responses import ChatCompletion, ModelCard, ModelList, TextCompletion

ERROR_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "content": {"application/json": {"schema": ERROR_SCHEMA}}}
    for status, description in {
        400: "The request is wrong; `param` names where.",
        401: "No key, or a wrong one.",
        404: "The model is not served.",
        413: "The body is too large.",
        422: "Never sent: validation errors are 400.",
        429: "The server is full; see retry-after.",
        500: "The engine or a controller failed.",
        503: "The engine is being restarted, or the server drains; see retry-after.",
    }.items()
    if status != 422
}


def _of(kind: Any, stream: bool = False) -> dict[int | str, dict[str, Any]]:
    schema = msgspec.json.schema(kind, ref_template="#/$defs/{name}")
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if stream:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    return {200: {"description": "The answer.", "content": content}, **_ERRORS}


def _inlined(responses: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """The same with references resolved: a schema inside an OpenAPI document cannot point at its own $defs."""
    for answer in responses.values():
        for media in answer["content"].values():
            media["schema"] = _resolve(media["schema"], media["schema"].get("$defs", {}))
    return responses


def _resolve(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_resolve(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _resolve(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {key: _resolve(value, definitions) for key, value in node.items() if key != "$defs"}


CHAT_RESPONSES = _inlined(_of(ChatCompletion, stream=True))
COMPLETION_RESPONSES = _inlined(_of(TextCompletion, stream=True))
MODEL_RESPONSES = _inlined(_of(ModelCard))
MODELS_RESPONSES = _inlined(_of(ModelList))
ERROR_RESPONSES = _ERRORS
