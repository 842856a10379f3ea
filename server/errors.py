"""Errors to HTTP, in one place, always in OpenAI's shape."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ..core.errors import (
    AdmissionError,
    AuthError,
    BodyTooLarge,
    ConfigError,
    ControllerError,
    EngineDead,
    EngineError,
    FlyballError,
    ModelNotFound,
    RequestError,
    Unavailable,
    UpstreamError,
    UpstreamUnreachable,
)

log = logging.getLogger(__name__)

_ENGINE_RETRY = 5


class Problem(NamedTuple):
    """An error as a client sees it."""

    status: int
    type: str
    message: str
    param: str | None = None
    code: str | None = None
    retry_after: int | None = None

    def body(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def encoded(self) -> bytes:
        return msgspec.json.encode(self.body())

    def response(self) -> Response:
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        return Response(self.encoded(), self.status, headers, media_type="application/json")


def problem_of(error: FlyballError) -> Problem:
    """What a client is told. An engine's or controller's failure tells no more than its own message."""
    text = str(error)
    match error:
        case ModelNotFound():
            return Problem(404, "invalid_request_error", text, error.param, error.code)
        case BodyTooLarge():
            return Problem(413, "invalid_request_error", text, None, error.code)
        case RequestError():
            return Problem(400, "invalid_request_error", text, error.param, error.code)
        case AuthError():
            return Problem(401, "authentication_error", text, None, "invalid_api_key")
        case AdmissionError():
            return Problem(429, "rate_limit_error", text, None, "rate_limit_exceeded", error.retry_after)
        case Unavailable():
            return Problem(503, "service_unavailable", text, None, "unavailable", error.retry_after)
        case EngineDead() | UpstreamUnreachable():
            return Problem(503, "service_unavailable", text, None, "engine_unavailable", _ENGINE_RETRY)
        case UpstreamError(status=429):
            return Problem(429, "rate_limit_error", text, None, "upstream_rate_limit", error.retry_after or 1)
        case UpstreamError():
            return Problem(502, "upstream_error", text, None, "upstream_error")
        case EngineError():
            return Problem(500, "server_error", text, None, "engine_error")
        case ControllerError():
            return Problem(500, "server_error", text, None, "controller_error")
        case ConfigError():
            return Problem(500, "server_error", text, None, "configuration_error")
    return Problem(500, "server_error", "internal error")


def _param(location: Sequence[Any]) -> str | None:
    """messages.0.content, from pydantic's path; the names of union members are no part of it."""
    parts = [str(part) for part in location if part != "body" and not _is_union_tag(part)]
    return ".".join(parts) or None


def _is_union_tag(part: Any) -> bool:
    tags = {"str", "list[str]", "text", "refusal", "system", "developer", "user", "assistant", "tool", "json_object"}
    return isinstance(part, str) and (part in tags or "[" in part or "(" in part or part[:1].isupper())


def _validation_problem(errors: Sequence[Mapping[str, Any]]) -> Problem:
    first = errors[0]
    if first["type"] == "json_invalid":
        detail = first.get("ctx", {}).get("error", "")
        return Problem(400, "invalid_request_error", f"The body is not valid JSON: {detail}", None, "invalid_json")
    param = _param(first["loc"])
    where = f"{param}: " if param else ""
    return Problem(400, "invalid_request_error", f"{where}{first['msg']}", param, "invalid_value")


def add_error_handlers(app: FastAPI) -> None:
    """Map everything that can escape a route."""

    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, FlyballError)
        if isinstance(error, EngineError | ControllerError):
            log.error("request failed", exc_info=error)
        return problem_of(error).response()

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _validation_problem(error.errors()).response()

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = Problem(error.status_code, "invalid_request_error", str(error.detail)).response()
        response.headers.update(error.headers or {})
        return response

    async def unexpected(_: Request, error: Exception) -> Response:
        return Problem(500, "server_error", "internal error").response()

    app.add_exception_handler(FlyballError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
