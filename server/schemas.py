"""JSON Schemas that clients send for what the model must write: what is none is refused before the model thinks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from ..core.errors import RequestError
from .wire.messages import JsonSchemaFormat
from .wire.requests import ChatCompletionRequest


def check_format_schema(request: ChatCompletionRequest) -> None:
    """The schema of the answer. Errors: RequestError."""
    if isinstance(request.response_format, JsonSchemaFormat):
        _check(request.response_format.json_schema.json_schema, "response_format.json_schema.schema")


def check_call_schemas(request: ChatCompletionRequest) -> None:
    """The schemas of the tools, one of which must be called. Errors: RequestError."""
    for index, tool in enumerate(request.tools or []):
        _check(tool.function.parameters or {}, f"tools.{index}.function.parameters")


def _check(schema: Mapping[str, Any], param: str) -> None:
    try:
        jsonschema_rs.validator_for(dict(schema), offline=True)
    except ValueError as error:
        reason = str(error).partition("\n")[0][:200]
        raise RequestError(f"{param} is no JSON Schema: {reason}", param, "invalid_schema") from None
