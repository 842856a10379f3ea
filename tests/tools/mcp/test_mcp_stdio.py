"""MCP servers over stdio: real processes, also ones that misbehave and die."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from pathlib import Path

import pytest

from flyball.core.errors import ConfigError
from flyball.tools.mcp.config import StdioServer
from flyball.tools.mcp.server import McpServer
from flyball.tools.result import Image, Status
from flyball.tools.tool import CallContext, Effect
from flyball.tools.wrappers.stack import stacked

from .live import HERE, awkward, children, connected, is_gone, kill, pids, until

CONTEXT = CallContext("s")
SCRIPT = "awkward.py"


def stdio(everything: Path, **settings: object) -> StdioServer:
    command = {"name": "all", "command": "node", "args": (str(everything), "stdio"), "connect_timeout_s": 60}
    return StdioServer.model_validate({**command, **settings})


# -- the reference servers --------------------------------------------------------------------------------------------


async def test_the_reference_server_is_called_through_its_tools(everything: Path) -> None:
    async with connected(stdio(everything)) as server:
        tools = {tool.spec.name: tool for tool in server.tools}
        echo = await tools["all__echo"].call({"message": "hello"}, CONTEXT)
        image = await tools["all__get-tiny-image"].call({}, CONTEXT)
        structured = await tools["all__get-structured-content"].call({"location": "Chicago"}, CONTEXT)
        wrong = await tools["all__get-sum"].call({"a": "x"}, CONTEXT)

    assert len(tools) >= 13
    assert all(stacked(tool).spec == tool.spec for tool in tools.values())
    assert tools["all__echo"].spec.effect is Effect.READ_ONLY
    assert tools["all__gzip-file-as-resource"].spec.effect is Effect.SIDE_EFFECTS
    assert (echo.status, echo.text) == (Status.OK, "Echo: hello")
    assert [picture.media_type for picture in image.images] == ["image/png"]
    assert image.images[0].data.startswith(b"\x89PNG")
    assert structured.structured["conditions"]
    assert wrong.status is Status.USER_ERROR
    assert children("server-everything") == []


async def test_progress_is_told_while_a_call_runs(everything: Path) -> None:
    told: list[str] = []
    async with connected(stdio(everything)) as server:
        tool = next(tool for tool in server.tools if "long-running" in tool.spec.name)
        result = await tool.call({"duration": 0.3, "steps": 3}, CallContext("s", on_output=told.append))

    assert result.ok
    assert told == ["[1/3]\n", "[2/3]\n", "[3/3]\n"]


async def test_a_server_gets_a_small_environment(everything: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYBALL_API_KEYS", "secret")
    monkeypatch.setenv("GIVEN", "on purpose")
    async with connected(stdio(everything, env={"MORE": "x"}, env_from=("GIVEN",))) as server:
        environment = json.loads((await server.call("get-env", {})).text)

    assert set(environment) <= {"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "MORE", "GIVEN"}
    assert (environment["MORE"], environment["GIVEN"]) == ("x", "on purpose")


async def test_a_hundred_calls_at_once_get_their_own_answers(everything: Path) -> None:
    async with connected(stdio(everything)) as server:
        calls = [server.call("echo", {"message": str(number)}) for number in range(100)]
        results = await asyncio.gather(*calls)
    assert [result.text for result in results] == [f"Echo: {number}" for number in range(100)]


async def test_a_server_of_the_protocols_python_library_is_called_too() -> None:
    config = StdioServer(
        name="time",
        command=sys.executable,
        args=("-m", "mcp_server_time", "--local-timezone", "UTC"),
        connect_timeout_s=60,
    )
    async with connected(config) as server:
        known, unknown = [tool for tool in server.tools if tool.spec.name == "time__get_current_time"] * 2
        now = await known.call({"timezone": "Europe/Paris"}, CONTEXT)
        wrong = await unknown.call({"timezone": "Nowhere"}, CONTEXT)

    assert now.structured["timezone"] == "Europe/Paris"
    assert (wrong.status, "Nowhere" in wrong.text) == (Status.USER_ERROR, True)


# -- what servers say -------------------------------------------------------------------------------------------------


async def test_every_page_of_tools_is_read_and_unusable_schemas_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    async with connected(awkward()) as server:
        names = [tool.spec.name for tool in server.tools]

    assert names == [
        f"odd__{name}" for name in ["echo", "hang", "die", "child", "nonsense", "error", "blocks", "grow", "say"]
    ]
    assert "large is left out: its schema is too long" in caplog.text
    assert "none is left out: tool 'none': its schema is no JSON Schema" in caplog.text


async def test_a_list_of_tools_without_end_is_read_to_a_limit() -> None:
    async with connected(awkward("endless")) as server:
        assert len(server.tools) == 9


async def test_only_configured_tools_are_offered(caplog: pytest.LogCaptureFixture) -> None:
    async with connected(awkward(tools=("echo", "missing"))) as server:
        assert [tool.spec.name for tool in server.tools] == ["odd__echo"]
    assert "has no tool missing" in caplog.text


async def test_a_changed_list_of_tools_is_read_again() -> None:
    changed = asyncio.Event()
    async with connected(awkward(), changed.set) as server:
        changed.clear()
        await server.call("grow", {"name": "new one"})
        async with asyncio.timeout(20):
            await changed.wait()
        assert server.tools[-1].spec.name == "odd__new_one"


async def test_a_changed_list_that_is_none_leaves_the_old_one(caplog: pytest.LogCaptureFixture) -> None:
    async with connected(awkward()) as server:
        await server.call("grow", {"name": "bad", "type": "array"})
        await until(lambda: "tools cannot be listed" in caplog.text)
        assert len(server.tools) == 9
        assert (await server.call("echo", {})).ok


async def test_what_a_model_cannot_read_is_named() -> None:
    async with connected(awkward()) as server:
        result = await server.call("blocks", {})

    assert result.images == (Image("image/png", b"\x00\x01\x02"),)
    assert result.text.split("\n") == [
        "first",
        "[an image that cannot be read]",
        "[an image that is too large]",
        "[audio, not shown]",
        "of a file",
        "[file file:///a.bin, not shown]",
        "[b: file:///b.txt]",
    ]


async def test_an_answer_of_data_alone_is_shown_as_json() -> None:
    async with connected(awkward()) as server:
        result = await server.call("say", {"line": "x"})
    assert (result.text, result.structured) == ('{"said": true}', {"said": True})


async def test_what_a_server_writes_to_standard_error_is_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO, "flyball.mcp.odd"):
        async with connected(awkward()) as server:
            await server.call("say", {"line": "look here\n" + "x" * 5000})
            await until(lambda: "x" * 2000 in caplog.text)

    assert next(record.getMessage() for record in caplog.records if record.name == "flyball.mcp.odd") == "look here"
    assert "x" * 2001 not in caplog.text
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (-32601, Status.USER_ERROR),
        (-32602, Status.USER_ERROR),
        (-32001, Status.TIMEOUT),
        (-32603, Status.INFRA),
        (-32050, Status.INFRA),
    ],
)
async def test_an_error_of_the_protocol_is_the_models_doing_only_where_it_says_so(code: int, status: Status) -> None:
    async with connected(awkward()) as server:
        assert (await server.call("error", {"code": code})).status is status
        assert (await server.call("echo", {})).ok


async def test_an_error_that_the_tool_tells_goes_to_the_model() -> None:
    async with connected(awkward()) as server:
        result = await server.call("echo", {"wrong": True})
    assert (result.status, result.text) == (Status.USER_ERROR, '{"wrong": true}')


async def test_an_answer_that_is_none_is_no_fault_of_the_model() -> None:
    async with connected(awkward()) as server:
        assert (await server.call("nonsense", {})).status is Status.INFRA
        assert (await server.call("echo", {})).ok


# -- what goes wrong --------------------------------------------------------------------------------------------------


async def test_a_call_without_answer_times_out_and_the_server_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "flyball.mcp.odd"):
        async with connected(awkward(timeouts_s={"hang": 0.3})) as server:
            result = await server.call("hang", {})
            await until(lambda: "cancelled" in caplog.text)
            assert (await server.call("echo", {})).ok
    assert result.status is Status.TIMEOUT


async def test_a_cancelled_call_is_told_to_the_server_and_disturbs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "flyball.mcp.odd"):
        async with connected(awkward()) as server:
            call = asyncio.ensure_future(server.call("hang", {}))
            await until(lambda: "hanging" in caplog.text)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await until(lambda: "cancelled" in caplog.text)
            assert (await server.call("echo", {})).ok


@pytest.mark.parametrize("how", ["it ends itself", "it is killed"])
async def test_a_server_that_dies_during_calls_fails_them_and_the_next_call_works(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "flyball.mcp.odd"):
        async with connected(awkward()) as server:
            calls = [asyncio.ensure_future(server.call("hang", {})) for _ in range(5)]
            await until(lambda: caplog.text.count("hanging") == 5)
            if how == "it is killed":
                kill(SCRIPT)
            else:
                calls.append(asyncio.ensure_future(server.call("die", {})))
            results = await asyncio.gather(*calls)
            after = await server.call("echo", {"a": 1})

    assert {result.status for result in results} == {Status.INFRA}
    assert (after.status, after.text) == (Status.OK, '{"a": 1}')
    assert children(SCRIPT) == []


async def test_a_server_that_dies_while_nobody_calls_is_there_again_for_the_next_call() -> None:
    async with connected(awkward()) as server:
        before = pids(SCRIPT)
        kill(SCRIPT)
        await until(lambda: len(pids(SCRIPT)) == 1 and pids(SCRIPT) != before)
        assert (await server.call("echo", {})).ok


async def test_a_server_that_comes_back_with_the_same_tools_has_not_changed() -> None:
    changes: list[int] = []
    async with connected(awkward(), lambda: changes.append(1)) as server:
        tools = server.tools
        await server.call("die", {})
        assert (await server.call("echo", {})).ok
        assert (changes, server.tools) == ([1], tools)


async def test_a_fault_of_who_is_told_of_changes_does_not_stop_the_server(caplog: pytest.LogCaptureFixture) -> None:
    def fail_later() -> None:
        if len(server.tools) > 9:
            raise RuntimeError("cannot offer that")

    server = McpServer(awkward(), fail_later)
    try:
        assert await server.start()
        assert (await server.call("grow", {"name": "tenth"})).ok
        await until(lambda: "RuntimeError: cannot offer that" in caplog.text)
        assert (await server.call("echo", {})).ok
    finally:
        await server.close()


async def test_closing_leaves_no_process_also_not_of_the_servers_own() -> None:
    async with connected(awkward()) as server:
        child = int((await server.call("child", {})).text)
        assert not is_gone(child)
    assert is_gone(child)
    assert children(SCRIPT) == []


async def test_a_host_that_is_killed_leaves_no_process() -> None:
    """The server ignores that its input has ended, and has a child in a session of its own."""
    command = (sys.executable, str(HERE / "host.py"), str(HERE / "awkward.py"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    host = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
    assert host.stdout is not None
    async with asyncio.timeout(60):
        left = [int(pid) for pid in (await host.stdout.readline()).split()]
    assert len(left) == 3
    assert not any(map(is_gone, left))

    host.kill()
    await host.wait()
    await until(lambda: all(map(is_gone, left)))


async def test_closing_ends_calls_that_run(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "flyball.mcp.odd"):
        async with connected(awkward()) as server:
            call = asyncio.ensure_future(server.call("hang", {}))
            await until(lambda: "hanging" in caplog.text)
    assert (await call).status is Status.INFRA
    assert (await server.call("echo", {})).status is Status.INFRA


@pytest.mark.parametrize(
    "config",
    [
        awkward("silent", connect_timeout_s=0.5),
        awkward("dies"),
        StdioServer(name="odd", command=sys.executable, args=("-c", "print('no protocol')")),
    ],
    ids=["never answers", "dies at once", "talks something else"],
)
async def test_a_server_that_cannot_be_connected_to_refuses_calls_and_leaves_no_process(
    config: StdioServer, caplog: pytest.LogCaptureFixture
) -> None:
    server = McpServer(config)
    async with asyncio.timeout(60):
        assert not await server.start()
        result = await server.call("echo", {})
    await server.close()

    assert (result.status, result.text) == (Status.INFRA, "The server odd cannot be reached.")
    assert server.tools == ()
    assert "MCP server odd: cannot connect" in caplog.text
    assert children(SCRIPT) == []


def test_a_program_that_is_not_there_is_told_at_the_start() -> None:
    with pytest.raises(ConfigError, match="there is no program /no/such"):
        McpServer(StdioServer(name="odd", command="/no/such"))


async def test_a_server_is_closed_that_was_never_started() -> None:
    await McpServer(awkward()).close()
