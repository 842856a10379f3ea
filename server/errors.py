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
    TraceNotFound,
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


def problem_of(error: Exception) -> Problem:
    """What a client is told: of an engine's or controller's failure its own message, of a defect nothing."""
    text = str(error)
    match error:
        case ModelNotFound() | TraceNotFound():
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


def _path(error: Mapping[str, Any], body: Any) -> list[str]:
    """messages, 0, content: pydantic's path as far as it leads through the body; names of union members lead nowhere."""
    path, at = [], body
    location = [part for part in error["loc"] if part != "body"]
    for number, part in enumerate(location, start=1):
        missing = number == len(location) and error["type"] == "missing"
        if missing or (isinstance(at, dict) and part in at) or (isinstance(at, list) and isinstance(part, int)):
            path.append(str(part))
            at = None if missing else at[part]
    return path


def _invalid_json(detail: str) -> Problem:
    return Problem(400, "invalid_request_error", f"The body is not valid JSON: {detail}", None, "invalid_json")


def _validation_problem(errors: Sequence[Mapping[str, Any]], body: Any) -> Problem:
    """The error that leads deepest into the body: of a union's members, the one that was meant."""
    if errors[0]["type"] == "json_invalid":
        return _invalid_json(errors[0].get("ctx", {}).get("error", ""))
    path, error = max(((_path(error, body), error) for error in errors), key=lambda found: len(found[0]))
    param = ".".join(path) or None
    where = f"{param}: " if param else ""
    return Problem(400, "invalid_request_error", f"{where}{error['msg']}", param, "invalid_value")


def _http_problem(error: HTTPException) -> Problem:
    """What Starlette and FastAPI raise; a body that could not be read has its reason as the cause."""
    match error.__cause__:
        case FlyballError() as cause:
            return problem_of(cause)
        case UnicodeDecodeError():
            return _invalid_json("it is not UTF-8")
        case RecursionError():
            return _invalid_json("it is nested too deeply")
    return Problem(error.status_code, "invalid_request_error", str(error.detail))


def add_error_handlers(app: FastAPI) -> None:
    """Map everything that may escape a route; what may not is a defect, for the gate."""

    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, FlyballError)
        if isinstance(error, EngineError | ControllerError):
            log.error("request failed", exc_info=error)
        return problem_of(error).response()

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _validation_problem(error.errors(), error.body).response()

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = _http_problem(error).response()
        response.headers.update(error.headers or {})
        return response

    app.add_exception_handler(FlyballError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
