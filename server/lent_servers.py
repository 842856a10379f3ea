"""MCP servers that requests bring along, where the operator allows it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import msgspec
from pydantic import SecretStr, ValidationError

from ..core.errors import RequestError
from ..tools.mcp.config import HttpServer
from ..tools.mcp.server import McpServer
from ..tools.tool import Tool
from .tool_sections import McpSection
from .wire.flyball_block import McpRequest

PARAM = "flyball.mcp"
_PORTS = {"http": 80, "https": 443}


@dataclass
class _Lent:
    server: McpServer
    connecting: asyncio.Task[bool]
    used_at: float


class LentServers:
    """Connections to clients' servers, kept between the requests of a client: at most `most`, until nobody has used them
    for `idle_seconds`. One client's connection is never another's, as its headers may hold a key.
    """

    def __init__(
        self,
        config: McpSection,
        idle_seconds: float,
        *,
        most: int = 64,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = [urlsplit(url) for url in config.request_urls]
        self._idle_seconds, self._most, self._clock = idle_seconds, most, clock
        self._lent: OrderedDict[str, _Lent] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lent)

    async def tools(self, owner: str, wanted: Sequence[McpRequest]) -> list[Tool]:
        """The tools of the servers that a client names, which are connected to when it first does.

        Errors: RequestError for an address that is not allowed, and a server that cannot be reached.
        """
        if len({each.name for each in wanted}) < len(wanted):
            raise RequestError("two MCP servers have the same name", PARAM)
        for each in wanted:
            self._check(each.url)
        servers = await asyncio.gather(*(self._server(owner, each) for each in wanted))
        return [tool for server in servers for tool in server.tools]

    def _check(self, url: str) -> None:
        if not self._allowed:
            raise RequestError("this server connects to no MCP servers that requests bring along", PARAM)
        try:
            parts = urlsplit(url)
            port = _port(parts)
        except ValueError:
            raise RequestError("an MCP server's address looks like https://host/mcp", PARAM) from None
        if not any(_port(allowed) == port and _below(parts, allowed) for allowed in self._allowed):
            raise RequestError(f"this server does not connect to MCP servers at {url[:200]!r}", PARAM)

    async def _server(self, owner: str, wanted: McpRequest) -> McpServer:
        key = _key(owner, wanted)
        if key not in self._lent:
            self._lent[key] = self._opened(wanted)
        lent = self._lent[key]
        lent.used_at = self._clock()
        self._lent.move_to_end(key)
        if not await asyncio.shield(lent.connecting) and not lent.server.connected:
            await self._end(key)
            raise RequestError(f"the MCP server {wanted.name!r} cannot be reached", PARAM)
        while len(self._lent) > self._most:
            await self._end(next(iter(self._lent)))
        return lent.server

    def _opened(self, wanted: McpRequest) -> _Lent:
        try:
            server = McpServer(HttpServer(name=wanted.name, url=wanted.url, headers=wanted.headers, tools=wanted.tools))
        except ValidationError as error:
            raise RequestError(f"the MCP server {wanted.name!r}: {error.errors()[0]['msg']}", PARAM) from None
        return _Lent(server, asyncio.create_task(server.start()), self._clock())

    async def _end(self, key: str) -> None:
        lent = self._lent.pop(key, None)
        if lent is not None:
            await lent.server.close()
            await asyncio.gather(lent.connecting, return_exceptions=True)

    async def sweep(self) -> None:
        """Leave the servers that nobody used for long."""
        latest = self._clock() - self._idle_seconds
        await asyncio.gather(*(self._end(key) for key, lent in list(self._lent.items()) if lent.used_at <= latest))

    async def keep_swept(self, every: float = 5.0) -> None:
        """Sweeps for ever: a task of the server."""
        while True:
            await asyncio.sleep(every)
            await self.sweep()

    async def close(self) -> None:
        """Leave all."""
        await asyncio.gather(*(self._end(key) for key in list(self._lent)))


def _port(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Scheme, host and port. Errors: ValueError."""
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _below(parts: SplitResult, allowed: SplitResult) -> bool:
    """Whether a path is the allowed one or below it, however a server reads it: what could be read as dots is refused."""
    if parts.username or parts.query or parts.fragment or any(sign in parts.path for sign in ("..", "%", "\\", "//")):
        return False
    base = allowed.path.rstrip("/")
    return parts.path == base or parts.path.startswith(f"{base}/")


def _key(owner: str, wanted: McpRequest) -> str:
    shown: Mapping[str, SecretStr] = wanted.headers
    headers = {name: value.get_secret_value() for name, value in sorted(shown.items())}
    said = msgspec.json.encode([owner, wanted.name, wanted.url, headers, wanted.tools])
    return hashlib.sha256(said).hexdigest()
