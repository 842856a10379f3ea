"""What the OpenAPI document says of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..wire.feedback import FeedbackStored
from ..wire.responses import ChatCompletion, Chunk, ModelCard, ModelList, TextCompletion
from ..wire.tool_calls import ExecuteResponse, ObservationResponse, SessionDeleted, ToolList

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

_MEANINGS: Mapping[int | str, str] = {
    400: "The request is wrong; `param` names where.",
    401: "No key, or a wrong one.",
    404: "The model is not served, or nothing of this id is stored for this client.",
    413: "The body is too large.",
    429: "The server is full; see retry-after.",
    500: "The engine or a controller failed.",
    502: "A remote engine answered with an error.",
    503: "The engine is being restarted, or the server drains; see retry-after.",
    "default": "Any other error. Validation errors are 400, never 422.",
}

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": {"application/json": {"schema": ERROR_SCHEMA}}}
    for status, meaning in _MEANINGS.items()
}


def _schema(kind: Any) -> Any:
    """With references resolved: a schema inside an OpenAPI document cannot point at its own $defs."""
    schema = msgspec.json.schema(kind, ref_template="#/$defs/{name}")
    return _resolve(schema, schema.get("$defs", {}))


def _of(kind: Any, chunk: Any = None) -> dict[int | str, dict[str, Any]]:
    content: dict[str, Any] = {"application/json": {"schema": _schema(kind)}}
    if chunk is not None:
        content["text/event-stream"] = {"itemSchema": _event(chunk)}
    return {200: {"description": "The answer.", "content": content}, **_ERRORS}


def _event(chunk: Any) -> dict[str, Any]:
    """One event of a stream: a chunk or an error as JSON text, at last [DONE]."""
    text = {"type": "string", "contentMediaType": "application/json"}
    data = [
        {**text, "contentSchema": _schema(chunk)},
        {**text, "contentSchema": ERROR_SCHEMA},
        {"type": "string", "const": "[DONE]"},
    ]
    return {"type": "object", "required": ["data"], "properties": {"data": {"anyOf": data}}}


def _resolve(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_resolve(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _resolve(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {key: _resolve(value, definitions) for key, value in node.items() if key != "$defs"}


CHAT_RESPONSES = _of(ChatCompletion, Chunk)
COMPLETION_RESPONSES = _of(TextCompletion, TextCompletion)
MODEL_RESPONSES = _of(ModelCard)
MODELS_RESPONSES = _of(ModelList)
EXECUTE_RESPONSES = _of(ExecuteResponse)
OBSERVATION_RESPONSES = _of(ObservationResponse)
SESSION_RESPONSES = _of(SessionDeleted)
TOOLS_RESPONSES = _of(ToolList)
FEEDBACK_RESPONSES = _of(FeedbackStored)
ERROR_RESPONSES = _ERRORS
