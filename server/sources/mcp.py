"""The tools of the configured MCP servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...tools.mcp.servers import McpServers
from ...tools.tool import Tool
from ..tool_sections import McpSection
from .base import Put


class McpSource:
    """Connects to all at the start; one that is away, or comes back with other tools, changes what is offered."""

    name = "mcp"
    tools: tuple[Tool, ...] = ()

    def __init__(self, config: McpSection) -> None:
        """Errors: ConfigError for two servers of one name, and a variable of the environment that is not set."""
        self._put: Put | None = None
        self._servers = McpServers(config.servers, self._changed)

    def may_offer(self, name: str) -> bool:
        """Whether it begins as those of a server do."""
        return any(name.startswith(f"{server.config.name}__") for server in self._servers.servers)

    async def start(self, put: Put) -> None:
        """Waits until each is there or has failed once."""
        self._put = put
        await self._servers.start()

    def _changed(self) -> None:
        assert self._put is not None
        self._put(self._servers.tools)

    def health(self) -> Mapping[str, Any]:
        """Per server whether it is connected, and how many tools it has."""
        return {
            server.config.name: {"connected": server.connected, "tools": len(server.tools)}
            for server in self._servers.servers
        }

    async def close(self) -> None:
        """A program that was started for a server is gone afterwards."""
        await self._servers.close()
