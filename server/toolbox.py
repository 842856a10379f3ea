"""The tools that this server runs: what is loaded and started, and what requests may name."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ..controllers.server_tools import ServerTools
from ..core.chat_format import ChatFormat
from ..core.errors import ConfigError, RequestError, UnknownTool
from ..tools.loading.file import load_file
from ..tools.loading.plugins import load_plugins
from ..tools.near import near_names
from ..tools.registry import Registry
from ..tools.router.search_spec import SEARCH_TOOLS
from ..tools.sessions import ClientKeys, Sessions
from ..tools.tool import Tool, ToolSpec
from ..tools.wrappers.stack import StackSettings, stacked
from .choices import EVERY, Asked, Choices, with_brought
from .executor import Executor
from .lent_servers import LentServers
from .pending_turns import PendingTurns
from .sources.all import all_sources
from .sources.base import Source
from .sources.python import PythonSource
from .tool_sections import ToolsSection
from .wire.flyball_block import FlyballBlock, McpRequest

Fenced = bool | Literal["only"] | None

log = logging.getLogger(__name__)


def load_tools(config: ToolsSection) -> tuple[Registry, list[Source]]:
    """The tools of the configured files, of other packages and of this one, and what has to be started for them.

    A package that cannot be used is logged and left out: it is none of this server's configuration. Errors: ConfigError.
    """
    settings = _settings(config)
    tools = Registry(wrap=lambda tool: stacked(tool, settings, others=lambda: tools))
    for path in config.files:
        for tool in load_file(Path(path)):
            tools.add(tool)
    if config.plugins:
        plugins = load_plugins()
        for error in plugins.errors:
            log.error("%s", error)
        for tool in plugins.tools:
            tools.add(tool)
    sources = list(all_sources(config, frozenset(tools)))
    for source in sources:
        for tool in source.tools:
            tools.add(tool)
    return tools, sources


def _settings(config: ToolsSection) -> StackSettings:
    return StackSettings(concurrency=config.concurrency)


def check_presets(presets: Mapping[str, FlyballBlock], tools: Registry, sources: Sequence[Source]) -> None:
    """Find names of tools that no start can bring, before anything is started. Errors: ConfigError."""
    for preset, block in presets.items():
        limited = (name for name in block.budget.tool_calls if name != SEARCH_TOOLS)
        for name in (*(name for name in block.tools if name != EVERY), *limited):
            if name not in tools and not any(source.may_offer(name) for source in sources):
                raise ConfigError(f"presets.{preset}: {_unknown(name, tools)}")


def _unknown(name: str, tools: Registry) -> str:
    near = near_names(name, tools) or sorted(tools)[:20]
    hint = f"did you mean {' or '.join(near)}?" if near else "this server has no tools"
    return f"unknown tool {name[:64]!r}; {hint}"


class Toolbox:
    """The server's tools with what they keep: sessions, and turns that wait for a client's results."""

    def __init__(self, tools: Registry, config: ToolsSection, sources: Sequence[Source] = ()) -> None:
        self.tools, self._config, self._sources = tools, config, sources
        self.keys = ClientKeys()
        self.choices = Choices(tools, config)
        self.sessions = Sessions(
            self._end_session,
            idle_seconds=config.idle_seconds,
            most=config.max_sessions,
            memory=tools.memory,
            most_bytes=math.inf if config.session_memory_mib is None else config.session_memory_mib << 20,
        )
        self.pending = PendingTurns(self.keys, seconds=config.pending_seconds)
        self.executor = Executor(tools, self.sessions, most=config.max_calls, queued=config.max_queued_calls)
        self.lent = LentServers(config.mcp, config.idle_seconds)
        self._settings = _settings(config)
        self._put: dict[str, list[str]] = {}
        self._starting: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()

    # -- from start to end -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to start what the tools need, and to end idle sessions."""
        self._starting = asyncio.create_task(self._start())
        self._in_background(self.sessions.keep_swept())
        self._in_background(self.lent.keep_swept())

    async def ready(self) -> None:
        """Wait until every tool is there, or known to be missing. Errors: ConfigError."""
        assert self._starting is not None
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        await asyncio.gather(*(source.start(partial(self._replace, source.name)) for source in self._sources))
        await self.choices.prepare()

    def _replace(self, source: str, tools: Sequence[Tool]) -> None:
        """A source offers these tools from here on. One whose name is taken is left out, and logged."""
        for name in self._put.pop(source, ()):
            self.tools.remove(name)
        added = self._put[source] = []
        for tool in tools:
            try:
                self.tools.add(tool)
                added.append(tool.spec.name)
            except ConfigError as error:
                log.error("a tool of %s is left out: %s", source, error)
        if self._starting is not None and self._starting.done():
            self._in_background(self.choices.prepare())

    def _in_background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """End every session, and stop what was started."""
        tasks = [*self._background, *([self._starting] if self._starting is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.sessions.close()
        await self.tools.close()
        await asyncio.gather(self.lent.close(), *(source.close() for source in self._sources))

    async def _end_session(self, key: str) -> None:
        self.choices.forget(key)
        await self.tools.end_session(key)

    # -- requests --------------------------------------------------------------------------------------------------

    def session_key(self, api_key: str | None, session: str | None) -> str | None:
        """The key of a session that a client names; None when it names none. Errors: RequestError."""
        return None if session is None else self.keys.key(api_key, session)

    def for_request(
        self,
        names: Sequence[str],
        client: Sequence[str],
        fenced: Fenced,
        format: ChatFormat,
        asked: Asked,
        brought: Sequence[Tool] = (),
    ) -> ServerTools | None:
        """The tools that a request names or brought along, beside the client's own. Errors: RequestError."""
        choice = with_brought(self.choices.choose(self.check_names(names), asked), brought)
        tools = dict(choice.tools)
        if both := tools.keys() & set(client):
            if EVERY not in names:
                raise RequestError(f"the tool {min(both)!r} is the server's and the client's", "flyball.tools")
            tools = {name: tool for name, tool in tools.items() if name not in both}
        runner = _fence_runner(fenced, tools, format)
        if not tools:
            return None
        return ServerTools(
            tools=tools,
            offered=choice.offered and tuple(spec for spec in choice.offered if spec.name in tools),
            decisions=choice.decisions,
            client=frozenset(client),
            fenced=runner,
            only_fenced=fenced == "only",
            max_rounds=self._config.max_rounds,
        )

    async def brought(self, api_key: str | None, servers: Sequence[McpRequest]) -> list[Tool]:
        """The tools of MCP servers that a client's request brings along. Errors: RequestError."""
        owner = self.keys.key(api_key, "mcp")
        return [stacked(tool, self._settings) for tool in await self.lent.tools(owner, servers)]

    def check_names(self, names: Sequence[str]) -> Sequence[str]:
        """The names themselves. Errors: UnknownTool, naming near ones."""
        for name in names:
            if name not in self.tools and name != EVERY:
                raise UnknownTool(self._unknown(name))
        return names

    def _unknown(self, name: str) -> str:
        for source in self._sources:
            if isinstance(source, PythonSource) and name == source.name and source.missing is not None:
                return f"there is no tool {name!r}: {source.missing}"
        return _unknown(name, self.tools)

    # -- what is told of them --------------------------------------------------------------------------------------

    def described(self) -> list[dict[str, Any]]:
        """Every tool, for the list of what requests may name."""
        return [described(spec) for spec in self.tools.specs()]

    def health(self) -> dict[str, Any]:
        """How many tools there are, and how the sources are that have something to tell."""
        told = {source.name: source.health() for source in self._sources}
        return {"offered": len(self.tools)} | {name: health for name, health in told.items() if health is not None}

    @property
    def python(self) -> PythonSource | None:
        """The source of the tool `python`, where that is ours."""
        return next((source for source in self._sources if isinstance(source, PythonSource)), None)


def _fence_runner(fenced: Fenced, tools: Mapping[str, object], format: ChatFormat) -> str | None:
    """The tool that runs code between fences in the thinking."""
    if fenced is False:
        return None
    runner = format.fence.languages[0] if format.fence is not None else None
    if fenced and (runner is None or runner not in tools):
        wanted = f"the tool {runner!r}" if runner is not None else "a model that writes code in its thinking"
        raise RequestError(f"fenced needs {wanted}", "flyball.fenced")
    return runner if runner in tools else None


def described(spec: ToolSpec) -> dict[str, Any]:
    """A tool as a client is told of it."""
    return _function(spec) | {"effect": spec.effect, "usd": spec.usd}


def _function(spec: ToolSpec) -> dict[str, Any]:
    return {"name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)}


def rendered(server: ServerTools | None) -> tuple[dict[str, Any], ...]:
    """The server's tools as a model is told of them."""
    specs = () if server is None else server.told
    return tuple({"type": "function", "function": _function(spec)} for spec in specs)
