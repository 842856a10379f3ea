"""Names, configuration, several servers, and a server in this process that speaks the newest protocol."""

from __future__ import annotations

import asyncio
import re

import pytest
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ToolAnnotations
from pydantic import ValidationError

from flyball.core.errors import ConfigError
from flyball.tools.mcp.config import HttpServer, ServerConfig, StdioServer
from flyball.tools.mcp.names import offered_names
from flyball.tools.mcp.server import McpServer
from flyball.tools.mcp.servers import McpServers
from flyball.tools.mcp.transports import target_of
from flyball.tools.result import Status
from flyball.tools.tool import Effect

from .live import awkward

# -- names ------------------------------------------------------------------------------------------------------------


def test_a_tools_name_begins_with_its_servers() -> None:
    assert offered_names("time", ["now", "in-zone"]) == {"now": "time__now", "in-zone": "time__in-zone"}


def test_every_name_is_valid_and_no_two_are_the_same() -> None:
    tools = ["a.b", "a b", "a_b", "größe", "x" * 100, "x" * 101, "", "\ud800"]
    names = offered_names("server", tools)

    assert list(names) == tools
    assert len(set(names.values())) == len(tools)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in names.values())
    assert names["a.b"] == "server__a_b"


def test_names_do_not_depend_on_when_they_are_made() -> None:
    assert offered_names("s", ["a.b", "a b"]) == offered_names("s", ["a.b", "a b"])


# -- configuration ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (StdioServer, {"name": "a b", "command": "x"}),
        (StdioServer, {"name": "a"}),
        (StdioServer, {"name": "a", "command": "x", "timeout_s": 0}),
        (StdioServer, {"name": "a", "command": "x", "more": 1}),
        (HttpServer, {"name": "a", "url": "ftp://x"}),
        (HttpServer, {"name": "a", "url": "http://user:s3cret@x"}),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(kind: type[ServerConfig], wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as error:
        kind.model_validate(wrong)
    assert "s3cret" not in str(error.value)


def test_a_variable_that_is_not_set_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    for config in (
        StdioServer(name="a", command="x", env_from=("NOT_SET",)),
        HttpServer(name="a", url="http://x/mcp", headers_env={"Authorization": "NOT_SET"}),
    ):
        with pytest.raises(ConfigError, match="MCP server a: the environment variable NOT_SET is not set"):
            McpServer(config)


def test_a_server_of_no_kind_has_no_transport() -> None:
    with pytest.raises(TypeError):
        target_of(ServerConfig(name="a"))


def test_a_tool_may_have_a_time_limit_of_its_own() -> None:
    config = StdioServer(name="a", command="x", timeout_s=5, timeouts_s={"slow": 100})
    assert (config.timeout_of("slow"), config.timeout_of("other")) == (100, 5)


# -- several ----------------------------------------------------------------------------------------------------------


async def test_servers_are_started_together_and_one_that_is_away_takes_nothing_from_others() -> None:
    changes: list[int] = []
    servers = McpServers([awkward(tools=("echo",)), awkward("dies", name="away")], lambda: changes.append(1))
    try:
        assert await servers.start() == {"odd": True, "away": False}
        assert [tool.spec.name for tool in servers.tools] == ["odd__echo"]
        assert changes == [1]
        assert (await servers.servers[0].call("echo", {})).ok
        assert (await servers.servers[1].call("echo", {})).status is Status.INFRA
    finally:
        await servers.close()


def test_two_servers_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="same name"):
        McpServers([awkward(), awkward()])


# -- in this process --------------------------------------------------------------------------------------------------


async def test_a_server_of_the_newest_protocol_tells_its_changes_to_who_listens() -> None:
    inside, changed = MCPServer("inside"), asyncio.Event()

    async def late(x: int) -> int:
        return x + 1

    @inside.tool(annotations=ToolAnnotations(read_only_hint=True), description="d" * 5000)
    async def grow(context: Context) -> str:
        inside.add_tool(late)
        await context.notify_tools_changed()
        return "grown"

    server = McpServer(StdioServer(name="in", command="none"), changed.set, target=lambda on_end: inside)
    try:
        assert await server.start()
        [tool] = server.tools
        assert (tool.spec.effect, len(tool.spec.description)) == (Effect.READ_ONLY, 4096)

        changed.clear()
        async with asyncio.timeout(5):
            while not changed.is_set():  # it may take a moment until it listens
                assert (await server.call("grow", {})).text == "grown"
                await asyncio.sleep(0.01)
        assert [tool.spec.name for tool in server.tools] == ["in__grow", "in__late"]
        assert (await server.call("late", {"x": 1})).structured == {"result": 2}
        assert (await server.call("late", {"x": "one"})).status is Status.USER_ERROR
    finally:
        await server.close()
