"""What a server answered, as one of Flyball's errors.

Texts name no host: they reach clients. The log names it.
"""

from __future__ import annotations

import time
from email.utils import mktime_tz, parsedate_tz
from typing import Any

import msgspec

from ....core.errors import EngineError, FlyballError, RequestError, UpstreamError, UpstreamUnreachable

LONGEST_MESSAGE = 500
NO_STATUS = 502
"""Stands in for the HTTP status when a server broke off or talked nonsense."""


def answered_error(status: int, body: bytes, retry_after: str | None) -> FlyballError:
    """The error for an HTTP answer other than 200."""
    message, param = _words(body)
    if status in (400, 422):
        return RequestError(message or "The remote engine refused the request.", param)
    said = f": {message}" if message else "."
    return UpstreamError(f"The remote engine answered {status}{said}", status, retry_seconds(retry_after))


def streamed_error(error: Any, began: bool) -> FlyballError:
    """The error for an error object inside a stream; `began`: tokens had already come."""
    status = error.get("code") if isinstance(error, dict) else None
    if not isinstance(status, int) or not 400 <= status < 600:
        status = NO_STATUS
    message, param = _fields(error)
    if status in (400, 422) and not began:
        return RequestError(message or "The remote engine refused the request.", param)
    return UpstreamError(f"The remote engine failed while it answered: {message or 'no reason given'}", status)


def broke_off(reason: str) -> UpstreamError:
    return UpstreamError(f"The remote engine {reason}", NO_STATUS)


def may_go_elsewhere(error: EngineError) -> bool:
    """Whether another try, before the first token, may end better."""
    if isinstance(error, UpstreamError):
        return error.status >= 500 or error.status == 429
    return isinstance(error, UpstreamUnreachable)


def retry_seconds(header: str | None) -> int | None:
    """The Retry-After header, seconds or a date, in whole seconds from now."""
    if header is None:
        return None
    if header.strip().isdigit():
        return int(header)
    date = parsedate_tz(header)
    return max(0, round(mktime_tz(date) - time.time())) if date is not None else None


def _words(body: bytes) -> tuple[str, str | None]:
    try:
        return _fields(msgspec.json.decode(body))
    except msgspec.DecodeError:
        return _short(body.decode("utf-8", "replace")), None


def _fields(answer: Any) -> tuple[str, str | None]:
    """OpenAI's `{"error": {...}}`, SGLang's flat object, FastAPI's `detail`."""
    if not isinstance(answer, dict):
        return _short(str(answer)), None
    inner = answer.get("error", answer)
    if not isinstance(inner, dict):
        return _short(str(inner)), None
    message = inner.get("message") or inner.get("detail") or ""
    param = inner.get("param")
    return _short(str(message)), param if isinstance(param, str) else None


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + "…"
