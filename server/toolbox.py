"""The tools that this server runs: loaded at the start, named by requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ..controllers.server_tools import ServerTools
from ..core.chat_format import ChatFormat
from ..core.errors import RequestError
from ..tools.loading.file import load_file
from ..tools.loading.plugins import load_plugins
from ..tools.near import near_names
from ..tools.registry import Registry
from ..tools.sessions import ClientKeys, Sessions
from ..tools.tool import ToolSpec
from ..tools.wrappers.stack import stacked
from .config import ToolsSection
from .pending_turns import PendingTurns

Fenced = bool | Literal["only"] | None

log = logging.getLogger(__name__)


def load_tools(config: ToolsSection) -> Registry:
    """The tools of the configured files, and of other packages. Errors: ConfigError.

    A package that cannot be used is logged and left out: it is none of this server's configuration.
    """
    tools = Registry(wrap=lambda tool: stacked(tool, others=lambda: tools))
    for path in config.files:
        for tool in load_file(Path(path)):
            tools.add(tool)
    if config.plugins:
        plugins = load_plugins()
        for error in plugins.errors:
            log.error("%s", error)
        for tool in plugins.tools:
            tools.add(tool)
    return tools


class Toolbox:
    """The server's tools with what they keep: sessions, and turns that wait for a client's results."""

    def __init__(self, tools: Registry, config: ToolsSection) -> None:
        self.tools, self._config = tools, config
        self.sessions = Sessions(tools.end_session, idle_seconds=config.idle_seconds, most=config.max_sessions)
        self.pending = PendingTurns(ClientKeys(), seconds=config.pending_seconds)
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to end idle sessions."""
        self._sweeping = asyncio.create_task(self.sessions.keep_swept())

    async def close(self) -> None:
        """End every session, and close the tools."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        await self.sessions.close()
        await self.tools.close()

    def for_request(
        self, names: Sequence[str], client: Sequence[str], fenced: Fenced, format: ChatFormat
    ) -> ServerTools | None:
        """The tools that a request names, beside the client's own. Errors: RequestError."""
        tools = {name: self.tools[name] for name in self.check_names(names)}
        if both := tools.keys() & set(client):
            raise RequestError(f"the tool {min(both)!r} is the server's and the client's", "flyball.tools")
        runner = _fence_runner(fenced, tools, format)
        if not tools:
            return None
        return ServerTools(
            tools=tools,
            client=frozenset(client),
            fenced=runner,
            only_fenced=fenced == "only",
            max_rounds=self._config.max_rounds,
        )

    def check_names(self, names: Sequence[str]) -> Sequence[str]:
        """The names themselves. Errors: RequestError for one that is unknown, naming near ones."""
        for name in names:
            if name not in self.tools:
                near = near_names(name, self.tools) or sorted(self.tools)[:20]
                hint = f"did you mean {' or '.join(near)}?" if near else "this server has no tools"
                raise RequestError(f"unknown tool {name[:64]!r}; {hint}", "flyball.tools", "unknown_tool")
        return names

    def described(self) -> list[dict[str, Any]]:
        """Every tool, for the list of what requests may name."""
        return [_function(spec) | {"effect": spec.effect, "usd": spec.usd} for spec in self.tools.specs()]


def _fence_runner(fenced: Fenced, tools: Mapping[str, object], format: ChatFormat) -> str | None:
    """The tool that runs code between fences in the thinking."""
    if fenced is False:
        return None
    runner = format.fence.languages[0] if format.fence is not None else None
    if fenced and (runner is None or runner not in tools):
        wanted = f"the tool {runner!r}" if runner is not None else "a model that writes code in its thinking"
        raise RequestError(f"fenced needs {wanted}", "flyball.fenced")
    return runner if runner in tools else None


def _function(spec: ToolSpec) -> dict[str, Any]:
    return {"name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)}


def rendered(server: ServerTools | None) -> tuple[dict[str, Any], ...]:
    """The server's tools as a model is told of them."""
    if server is None:
        return ()
    hidden = server.fenced if server.only_fenced else None
    specs = [tool.spec for name, tool in server.tools.items() if name != hidden]
    return tuple({"type": "function", "function": _function(spec)} for spec in specs)
