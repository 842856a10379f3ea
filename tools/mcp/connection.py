"""One connection to an MCP server, from its beginning to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..result import Result, Status
from .config import ServerConfig
from .listing import list_tools
from .results import result_of, result_of_error
from .transports import Target

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult, Tool

_LOG = logging.getLogger(__name__)
_LOST = (-32000, -32600)
"""The connection is closed; the request is none, as the server says when it has forgotten the session."""

_FAILED = -32603
"""An error inside of the server, and what the library says for every HTTP status that it does not know."""

OnTools = Callable[["list[Tool]"], None]


class Connection:
    """Lives in one task, `live`, which enters the client's context and leaves it: the client's library ties its own
    tasks to that one, and cancels it when a transport fails. Calls run in tasks of their own, and end with it.
    """

    def __init__(
        self,
        config: ServerConfig,
        target: Target,
        on_tools: OnTools,
        on_ready: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        self._config, self._target = config, target
        self._on_tools, self._on_ready, self._on_end = on_tools, on_ready, on_end
        self._ended = asyncio.Event()
        self._tools_changed = asyncio.Event()
        self._client: Client | None = None

    async def live(self) -> None:
        """Connects, tells the tools, and returns when the server has gone or `end` was called.

        Errors: TimeoutError when it takes too long to connect; whatever the library raises.
        """
        from mcp import Client

        client = Client(
            self._target(self.end),
            read_timeout_seconds=self._config.connect_timeout_s,
            message_handler=self._on_message,
        )
        try:
            async with asyncio.timeout(self._config.connect_timeout_s) as connecting, client:
                self._on_tools(await list_tools(client, self._config))
                connecting.reschedule(None)
                self._client = client
                self._on_ready()
                await self._serve(client)
        finally:
            self.end()

    def end(self) -> None:
        """Makes `live` return and calls fail."""
        if not self._ended.is_set():
            self._ended.set()
            self._on_end()

    async def call(self, tool: str, arguments: dict[str, Any], on_progress: Any = None) -> Result:
        """One call by the server's name of the tool. Cancelling it tells the server."""
        assert self._client is not None
        timeout = self._config.timeout_of(tool)
        answer = asyncio.ensure_future(
            self._client.call_tool(tool, arguments, read_timeout_seconds=timeout, progress_callback=on_progress)
        )
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait((answer, ended), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)  # an answer that came with the end counts
            return self._result(answer)
        finally:
            ended.cancel()
            if not answer.done():
                answer.cancel()
                await asyncio.wait((answer,), timeout=1)

    def _result(self, answer: asyncio.Future[CallToolResult]) -> Result:
        from mcp import MCPError

        if not answer.done() or answer.cancelled():  # the library cancels calls when a transport fails
            return Result(Status.INFRA, "The server went away during the call.")
        try:
            return result_of(answer.result())
        except MCPError as error:
            if error.code in _LOST:
                self.end()
                return Result(Status.INFRA, "The server went away during the call.")
            if error.code == _FAILED:
                self._tools_changed.set()  # finds out whether anything works: it may have forgotten our session
            return result_of_error(error)
        except Exception as error:  # noqa: BLE001 -- boundary: what a server answers may make the library raise anything
            _LOG.warning("MCP server %s: the answer of a call is unusable", self._config.name, exc_info=error)
            return Result(Status.INFRA, "The server's answer cannot be used.")

    async def _serve(self, client: Client) -> None:
        async with asyncio.TaskGroup() as group:
            following = [group.create_task(self._follow_changes(client)), group.create_task(self._listen(client))]
            await self._ended.wait()
            for task in following:
                task.cancel()

    async def _follow_changes(self, client: Client) -> None:
        from mcp import MCPError

        while True:
            await self._tools_changed.wait()
            self._tools_changed.clear()
            try:
                self._on_tools(await list_tools(client, self._config))
            except ValueError as error:
                _LOG.warning("MCP server %s: its tools cannot be listed: %s", self._config.name, error)
            except MCPError as error:
                _LOG.warning("MCP server %s: it no longer answers: %s", self._config.name, error)
                self.end()

    async def _listen(self, client: Client) -> None:
        """Servers of the protocol of 2026 tell changes only to those who listen; others tell `_on_message`."""
        from mcp import MCPError
        from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost

        tools = client.server_capabilities.tools
        if tools is None or not tools.list_changed:
            return
        with suppress(ListenNotSupportedError):
            while True:
                try:
                    async with client.listen(tools_list_changed=True) as changes:
                        async for _ in changes:
                            self._tools_changed.set()
                except (MCPError, SubscriptionLost, TimeoutError) as error:
                    _LOG.debug("MCP server %s: listening ended: %s", self._config.name, error)
                await asyncio.sleep(self._config.connect_timeout_s)
                self._tools_changed.set()  # nothing is told again that was missed

    async def _on_message(self, message: Any) -> None:
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            self._tools_changed.set()
