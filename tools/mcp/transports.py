"""How a server is reached: the transport that the MCP client is given."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ...core.errors import ConfigError
from .config import HttpServer, ServerConfig, StdioServer
from .stderr import logged

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

OnEnd = Callable[[], None]
Target = Callable[[OnEnd], Any]
"""Gives what an MCP client connects to; calls what it is given when the server has gone."""


def target_of(config: ServerConfig) -> Target:
    """The target of a configured server. Errors: ConfigError for a program or variable of the environment that is not there."""
    if isinstance(config, StdioServer):
        return _stdio_target(config, config.environment())
    if isinstance(config, HttpServer):
        return _http_target(config, config.all_headers())
    raise TypeError(f"no transport for {type(config).__name__}")


def _stdio_target(config: StdioServer, environment: dict[str, str]) -> Target:
    if shutil.which(config.command, path=environment.get("PATH")) is None:
        raise ConfigError(f"MCP server {config.name}: there is no program {config.command}.")
    logger = logging.getLogger(f"flyball.mcp.{config.name}")

    @asynccontextmanager
    async def transport(on_end: OnEnd) -> AsyncIterator[TransportStreams]:
        from mcp import StdioServerParameters
        from mcp.client.stdio import stdio_client

        arguments = ["-I", "-S", str(Path(__file__).with_name("launcher.py")), config.command, *config.args]
        parameters = StdioServerParameters(command=sys.executable, args=arguments, env=environment, cwd=config.cwd)
        async with logged(logger) as errlog, stdio_client(parameters, errlog=errlog) as (incoming, outgoing):
            yield _Watched(incoming, on_end), outgoing

    return transport


def _http_target(config: HttpServer, headers: dict[str, str]) -> Target:
    @asynccontextmanager
    async def transport(on_end: OnEnd) -> AsyncIterator[TransportStreams]:
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        timeout = httpx2.Timeout(config.connect_timeout_s, read=None)  # calls have deadlines of their own
        async with (
            httpx2.AsyncClient(headers=headers, timeout=timeout) as client,
            streamable_http_client(config.url, http_client=client) as (incoming, outgoing),
        ):
            yield _Watched(incoming, on_end), outgoing

    return transport


class _Watched:
    """A stream of messages that says when its reader has left it, which the reader does at its end."""

    def __init__(self, stream: Any, on_end: OnEnd) -> None:
        self._stream, self._on_end = stream, on_end

    @property
    def last_context(self) -> Any:
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> Any:
        return await self._stream.receive()

    async def aclose(self) -> None:
        self._on_end()
        await self._stream.aclose()

    def __aiter__(self) -> _Watched:
        return self

    async def __anext__(self) -> Any:
        return await self._stream.__anext__()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
