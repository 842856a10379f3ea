"""A tool of an MCP server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..result import Result
from ..tool import CallContext, Effect, ToolSpec
from .config import ServerConfig
from .names import offered_names

if TYPE_CHECKING:
    from mcp_types import Tool

MAX_DESCRIPTION = 4096


class Server(Protocol):
    """What a tool needs of its server."""

    config: ServerConfig

    async def call(self, tool: str, arguments: dict[str, Any], on_progress: Any = None) -> Result:
        """One call by the server's name of the tool."""


class McpTool:
    """Calls go to the server; its connection and its end are the server's, not the tool's."""

    def __init__(self, server: Server, name: str, spec: ToolSpec) -> None:
        """`name`: the server's."""
        self.spec = spec
        self._server, self._name = server, name

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """What the server says, also of what is wrong with the call. Progress goes to `context.on_output`."""

        async def on_progress(done: float, total: float | None, message: str | None) -> None:
            if context.on_output is not None:
                share = f"{done:g}" if total is None else f"{done:g}/{total:g}"
                context.on_output(f"[{share}] {message}\n" if message else f"[{share}]\n")

        return await self._server.call(self._name, dict(arguments), on_progress if context.on_output else None)

    async def end_session(self, session: str) -> None:
        """A server keeps no state of ours."""

    async def close(self) -> None:
        """The server is closed by who started it."""


def tools_of(server: Server, tools: Sequence[Tool]) -> tuple[McpTool, ...]:
    """The tools that a server has listed."""
    names = offered_names(server.config.name, [tool.name for tool in tools])
    return tuple(McpTool(server, tool.name, _spec(server.config, tool, names[tool.name])) for tool in tools)


def _spec(config: ServerConfig, tool: Tool, name: str) -> ToolSpec:
    """Whether a tool only reads is taken from the server's word, as the server runs it anyway."""
    reads = tool.annotations is not None and tool.annotations.read_only_hint is True
    return ToolSpec(
        name=name,
        description=(tool.description or "")[:MAX_DESCRIPTION],
        parameters=tool.input_schema,
        effect=Effect.READ_ONLY if reads else Effect.SIDE_EFFECTS,
        timeout=config.timeout_of(tool.name) + 1,  # the server's own deadline comes first
    )
