"""An MCP server, connected to as long as it is wanted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..result import Result, Status
from .config import ServerConfig
from .connection import Connection
from .tool import McpTool, tools_of
from .transports import Target, target_of

if TYPE_CHECKING:
    from mcp_types import Tool

_LOG = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 30.0
"""Before a lost server is connected to again; doubles with each failure in a row."""
STEADY_S = 10.0
"""A connection that lasted this long was none."""
CLOSE_S = 10.0


class McpServer:
    """Keeps one connection and opens another when it is lost.

    A call waits for a connection that is being opened; once opening has failed it is refused, until it works again.
    """

    def __init__(
        self, config: ServerConfig, on_change: Callable[[], None] = lambda: None, target: Target | None = None
    ) -> None:
        """`on_change`: called when `tools` has changed. `target`: where it connects to, if not as configured.

        Errors: ConfigError for a variable of the environment that is not set.
        """
        self.config = config
        self.tools: tuple[McpTool, ...] = ()
        """What the server offers, or offered last while it is away."""
        self._on_change = on_change
        self._target = target or target_of(config)
        self._connection: Connection | None = None
        self._newest: Connection | None = None
        self._settled = asyncio.Event()  # connected, or the last attempt failed
        self._closing = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether calls reach it."""
        return self._connection is not None

    async def start(self) -> bool:
        """Connects; whether that worked. If it did not, it is tried again until `close`."""
        if self._owner is None:
            self._owner = asyncio.create_task(self._keep_connected(), name=f"mcp {self.config.name}")
        await self._settled.wait()
        return self._connection is not None

    async def call(self, tool: str, arguments: dict[str, Any], on_progress: Any = None) -> Result:
        """One call by the server's name of the tool."""
        timeout = self.config.timeout_of(tool)
        try:
            async with asyncio.timeout(timeout):
                await self._settled.wait()
                if self._connection is None:
                    return Result(Status.INFRA, f"The server {self.config.name} cannot be reached.")
                return await self._connection.call(tool, arguments, on_progress)
        except TimeoutError:
            return Result(Status.TIMEOUT, f"The server did not answer within {timeout:g} seconds.")

    async def close(self) -> None:
        """Leaves the server; a program that was started for it is gone afterwards."""
        self._closing.set()
        if self._owner is None:
            return
        if self._newest is not None:
            self._newest.end()
        await asyncio.wait((self._owner,), timeout=CLOSE_S)
        self._owner.cancel()
        await asyncio.wait((self._owner,))

    async def _keep_connected(self) -> None:
        failures = 0
        while not self._closing.is_set():
            lasted = await self._connect_once()
            failures = 0 if lasted >= STEADY_S else failures + 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), min(FIRST_WAIT_S * 2.0**failures, LONGEST_WAIT_S))
        self._settled.set()

    async def _connect_once(self) -> float:
        """Opens a connection in a task of its own, which may end in any way; how many seconds it lasted."""
        now = asyncio.get_running_loop().time
        began: list[float] = []

        def on_ready() -> None:
            began.append(now())
            self._connection = connection
            self._settled.set()

        connection = self._newest = Connection(self.config, self._target, self._set_tools, on_ready, self._lost)
        task = asyncio.create_task(connection.live(), name=f"mcp {self.config.name} connection")
        try:
            await asyncio.wait((task,))
        finally:
            task.cancel()  # where we are cancelled ourselves
            await asyncio.wait((task,))
        if not began:
            self._settled.set()
        if not self._closing.is_set():
            reason = "cancelled" if task.cancelled() else _first(task.exception())
            _LOG.warning("MCP server %s: %s (%s)", self.config.name, "lost" if began else "cannot connect", reason)
        return now() - began[0] if began else 0.0

    def _lost(self) -> None:
        """Calls that come from here on wait for the next connection."""
        if self._connection is not None:
            self._connection = None
            self._settled.clear()

    def _set_tools(self, tools: list[Tool]) -> None:
        new = tools_of(self, tools)
        if [tool.spec for tool in new] != [tool.spec for tool in self.tools]:
            self.tools = new
            self._on_change()


def _first(error: BaseException | None) -> str:
    """The innermost of grouped errors; its text may hold a URL, but no header."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return "it ended" if error is None else f"{type(error).__name__}: {str(error)[:300]}"
