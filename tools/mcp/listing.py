"""The tools that a server has, page by page."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from ...core.errors import ConfigError
from ..checking import ArgumentCheck
from .config import ServerConfig

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import Tool

_LOG = logging.getLogger(__name__)

MAX_PAGES = 100
MAX_TOOLS = 2000
MAX_SCHEMA_CHARACTERS = 65536


async def list_tools(client: Client, config: ServerConfig) -> list[Tool]:
    """Those that are offered, each once; of a server that never ends, the first. Errors: MCPError; ValueError for what is no list."""
    found: dict[str, Tool] = {}
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor, cache_mode="refresh")
        for tool in page.tools:
            found.setdefault(tool.name, tool)
        cursor = page.next_cursor
        if not cursor or len(found) >= MAX_TOOLS:
            break
    wanted = [tool for tool in found.values() if config.tools is None or tool.name in config.tools]
    for name in set(config.tools or ()) - found.keys():
        _LOG.warning("MCP server %s has no tool %s", config.name, name)
    return [tool for tool in wanted[:MAX_TOOLS] if _is_usable(tool, config)]


def _is_usable(tool: Tool, config: ServerConfig) -> bool:
    """Whether calls of it can be checked; one tool that is out of order takes nothing from the others."""
    try:
        if len(json.dumps(tool.input_schema)) > MAX_SCHEMA_CHARACTERS:
            raise ConfigError("its schema is too long")
        ArgumentCheck(tool.name[:100], tool.input_schema)
    except ConfigError as error:
        _LOG.warning("MCP server %s: %s is left out: %s", config.name, tool.name[:100], error)
        return False
    return True
