"""The outermost layer: keys, body size, request ids. Plain ASGI, so that a token's way out costs nothing here."""

from __future__ import annotations

import hmac
import logging
import uuid
from collections.abc import Sequence

from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..core.errors import AuthError, BodyTooLarge, FlyballError
from .errors import problem_of

log = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/health"})


class Gate:
    """Checks a request before anything parses it, and echoes or makes its `x-request-id`."""

    def __init__(
        self, app: ASGIApp, *, keys: Sequence[SecretStr], open_paths: frozenset[str], max_body_bytes: int
    ) -> None:
        self._app, self._open_paths, self._max_body = app, open_paths, max_body_bytes
        self._keys = [key.get_secret_value().encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value for name, value in scope["headers"]}
        request_id = headers.get(b"x-request-id", b"")[:128] or uuid.uuid4().hex.encode()
        answer = _Answer(send, request_id)
        try:
            self._check(scope["path"], headers)
            await self._app(scope, _Limited(receive, self._max_body), answer)
        except Exception as error:  # the last place before the connection, which it would cost
            if not isinstance(error, FlyballError):
                log.exception("a defect in the request %r", request_id)
            if answer.begun:
                raise
            await problem_of(error).response()(scope, receive, answer)

    def _check(self, path: str, headers: dict[bytes, bytes]) -> None:
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._max_body:
            raise BodyTooLarge(self._max_body)
        if not self._keys or path in self._open_paths:
            return
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not given:
            raise AuthError("No API key was given: send it as 'Authorization: Bearer KEY'.")
        matches = [hmac.compare_digest(given.strip(), key) for key in self._keys]  # all of them: no key answers sooner
        if not any(matches):
            raise AuthError("The API key is not known here.")


class _Limited:
    """Counts a body that came without its length."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._limit, self._taken = receive, limit, 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            if self._taken > self._limit:
                raise BodyTooLarge(self._limit)
        return message


class _Answer:
    """Adds the request's id to the headers."""

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send, self._request_id, self.begun = send, request_id, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self._request_id)]
        await self._send(message)
