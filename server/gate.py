"""The outermost layer: keys, body size, request ids. Plain ASGI, so that a token's way out costs nothing here."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Sequence

from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..core.errors import AuthError, BodyTooLarge, FlyballError
from .errors import problem_of

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
        respond = _with_request_id(send, request_id)
        try:
            self._check(scope["path"], headers)
        except FlyballError as error:
            await problem_of(error).response()(scope, receive, respond)
            return
        await self._app(scope, _Limited(receive, self._max_body), respond)

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


def _with_request_id(send: Send, request_id: bytes) -> Send:
    async def respond(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
        await send(message)

    return respond
