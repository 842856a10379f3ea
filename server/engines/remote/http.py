"""HTTP to one server: the only file that knows aiohttp's ways.

aiohttp and not httpx: on streams of single-token events it takes about a third of the processor time per token.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator

import aiohttp

from ....core.errors import EngineDead, EngineError, FlyballError, UpstreamUnreachable
from .config import RemoteConfig
from .errors import answered_error, broke_off
from .sse import DONE, EventCutter
from .watchdog import Watchdog

logger = logging.getLogger(__name__)

KEEPALIVE_S = 4.0
"""Less than the 5 s after which uvicorn closes an idle connection, so that a call seldom meets one just closed."""
DRAIN_S = 1.0
"""How long the end of a response is awaited after its last event, so that its connection can be used again."""
_ERROR_BYTES = 65_536


def open_session(config: RemoteConfig) -> aiohttp.ClientSession:
    """A session for all servers of one engine; inside the running event loop only. Errors: ConfigError for the key."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "flyball"}
    key = config.key()
    if key is not None:
        headers["Authorization"] = f"Bearer {key.get_secret_value()}"
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S),
        timeout=aiohttp.ClientTimeout(total=None, connect=config.connect_timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
    )


class HttpServer:
    """One server. Errors: UpstreamUnreachable, UpstreamError, and RequestError where it refuses the request."""

    def __init__(self, url: str, config: RemoteConfig, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self._connect_s = config.connect_timeout_s
        self._first_s = config.first_token_timeout_s
        self._chunk_s = config.chunk_timeout_s
        key = config.key()
        self._secret = key.get_secret_value().encode() if key is not None else b""

    async def get(self, path: str) -> bytes:
        """The body of a small answer."""
        response = await self._request("GET", path, None, {}, self._connect_s)
        try:
            async with asyncio.timeout(self._connect_s):
                return await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _translated(error, "answer", self._connect_s) from None
        finally:
            response.close()

    async def events(self, path: str, body: bytes, request_id: str) -> AsyncGenerator[list[bytes]]:
        """The events of a streamed answer, those of one read together. Closing the generator closes the connection."""
        headers = {"Content-Type": "application/json", "X-Request-Id": request_id}
        response = await self._request("POST", path, body, headers, self._first_s)
        watchdog = Watchdog(response.close, self._first_s)
        began = False
        try:
            cutter = EventCutter()
            async for data in response.content.iter_any():
                watchdog.feed()
                events = cutter.feed(data)
                if not events:
                    continue
                if events[-1] == DONE:
                    await _drain(response, watchdog)
                elif not began:
                    began = True
                    watchdog.limit(self._chunk_s)
                yield events
        except aiohttp.ClientError as error:
            if watchdog.expired:
                seconds = self._chunk_s if began else self._first_s
                raise UpstreamUnreachable(f"The remote engine sent nothing for {seconds:g} s.") from None
            raise _translated(error, "token", self._first_s) from None
        finally:
            watchdog.stop()
            response.close()

    async def _request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], seconds: float
    ) -> aiohttp.ClientResponse:
        """A 200 answer whose body is still to be read."""
        try:
            async with asyncio.timeout(seconds):
                response = await self._send(method, path, body, headers)
        except (aiohttp.ClientError, TimeoutError) as error:
            # aiohttp's errors can hold the request's headers, the key among them: they do not travel on.
            logger.debug("%s %s%s: %s", method, self._url, path, type(error).__name__)
            raise _translated(error, "answer", seconds) from None
        if response.status != 200:
            raise await self._refusal(response)
        return response

    async def _send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> aiohttp.ClientResponse:
        try:
            return await self._send_once(method, path, body, headers)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise
        # Often an idle connection that the server closed just as it was taken for this call: a new one tells more.
        return await self._send_once(method, path, body, headers)

    async def _send_once(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> aiohttp.ClientResponse:
        if self._session.closed:
            raise EngineDead("The engine was closed.")
        url = self._url + path
        return await self._session.request(method, url, data=body, headers=headers, allow_redirects=False)

    async def _refusal(self, response: aiohttp.ClientResponse) -> FlyballError:
        try:
            async with asyncio.timeout(self._connect_s):
                body = await response.content.read(_ERROR_BYTES)
        except (aiohttp.ClientError, TimeoutError):
            body = b""
        finally:
            response.close()
        if self._secret:
            body = body.replace(self._secret, b"***")
        return answered_error(response.status, body, response.headers.get("Retry-After"))


async def _drain(response: aiohttp.ClientResponse, watchdog: Watchdog) -> None:
    watchdog.limit(DRAIN_S)
    try:
        async for _ in response.content.iter_any():
            pass
    except aiohttp.ClientError:
        # The answer was complete; only the connection is lost.
        response.close()


def _translated(error: Exception, awaited: str, seconds: float) -> EngineError:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return UpstreamUnreachable("The remote engine's host name cannot be resolved.")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return UpstreamUnreachable("The remote engine did not accept a connection in time.")
    if isinstance(error, TimeoutError):
        return UpstreamUnreachable(f"The remote engine sent no {awaited} within {seconds:g} s.")
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return UpstreamUnreachable("The remote engine's TLS certificate or handshake was not accepted.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return UpstreamUnreachable("The remote engine refuses connections.")
    if isinstance(error, aiohttp.ClientResponseError):
        return broke_off("answered with something that is not HTTP.")
    return broke_off("closed the connection before its answer was complete.")
