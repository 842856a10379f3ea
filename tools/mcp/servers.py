"""All configured MCP servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ...core.errors import ConfigError
from .config import ServerConfig
from .server import McpServer
from .tool import McpTool


class McpServers:
    """Starts and closes them together; one that is away takes nothing from the others."""

    def __init__(self, configs: Sequence[ServerConfig], on_change: Callable[[], None] = lambda: None) -> None:
        """`on_change`: called when `tools` has changed. Errors: ConfigError for two of one name, and as McpServer."""
        names = [config.name for config in configs]
        if len(set(names)) < len(names):
            raise ConfigError("two MCP servers have the same name")
        self.servers = tuple(McpServer(config, on_change) for config in configs)

    @property
    def tools(self) -> tuple[McpTool, ...]:
        """What they offer, in the servers' order."""
        return tuple(tool for server in self.servers for tool in server.tools)

    async def start(self) -> dict[str, bool]:
        """Connects to all at once; per name whether that worked."""
        connected = await asyncio.gather(*(server.start() for server in self.servers))
        return {server.config.name: works for server, works in zip(self.servers, connected, strict=True)}

    async def close(self) -> None:
        """Leaves all at once."""
        await asyncio.gather(*(server.close() for server in self.servers))
