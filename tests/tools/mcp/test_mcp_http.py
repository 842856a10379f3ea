"""MCP servers over streamable HTTP: of the reference server's protocol, and of the newest."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from flyball.tools.mcp.config import HttpServer
from flyball.tools.mcp.server import McpServer
from flyball.tools.result import Status
from flyball.tools.tool import CallContext

from ..fetch.site import serving
from .live import HERE, HttpProcess, connected, http, running, until

CONTEXT = CallContext("s")


def modern() -> HttpProcess:
    return HttpProcess(sys.executable, str(HERE / "modern.py"), "{port}")


async def test_the_reference_server_is_called_over_http(everything: Path) -> None:
    process = HttpProcess("node", str(everything), "streamableHttp", PORT="{port}")
    async with running(process), connected(http(process.port)) as server:
        tools = {tool.spec.name: tool for tool in server.tools}
        calls = [tools["web__echo"].call({"message": str(number)}, CONTEXT) for number in range(100)]
        results = await asyncio.gather(*calls)
        image = await tools["web__get-tiny-image"].call({}, CONTEXT)

    assert [result.text for result in results] == [f"Echo: {number}" for number in range(100)]
    assert image.images[0].data.startswith(b"\x89PNG")


async def hung(process: HttpProcess, server: McpServer) -> list[asyncio.Future[object]]:
    """Calls that the server is at work on."""
    calls: list[asyncio.Future[object]] = [asyncio.ensure_future(server.call("hang", {})) for _ in range(3)]
    await until(lambda: process.said.count(b"hanging") == 3)
    return calls


async def test_a_server_that_is_killed_during_calls_fails_them_and_works_once_it_is_back() -> None:
    """The library cancels whoever opened the connection; nobody who calls is cancelled by it."""
    process = modern()
    async with running(process), connected(http(process.port)) as server:
        calls = await hung(process, server)
        await process.stop()
        async with asyncio.timeout(30):
            results = await asyncio.gather(*calls)
        assert {result.status for result in results} == {Status.INFRA}  # type: ignore[attr-defined]

        await process.start()
        async with asyncio.timeout(60):
            while not (result := await server.call("echo", {"text": "again"})).ok:
                assert result.status is Status.INFRA
                await asyncio.sleep(0.1)
        assert result.text == "again"


async def test_a_reference_server_that_is_killed_during_calls_fails_them(everything: Path) -> None:
    process = HttpProcess("node", str(everything), "streamableHttp", PORT="{port}")
    async with running(process), connected(http(process.port)) as server:
        told: list[str] = []
        tool = next(tool for tool in server.tools if "long-running" in tool.spec.name)
        call = asyncio.ensure_future(
            tool.call({"duration": 600, "steps": 6000}, CallContext("s", on_output=told.append))
        )
        await until(lambda: bool(told))
        await process.stop()
        async with asyncio.timeout(30):
            assert (await call).status is Status.INFRA


async def test_a_server_that_has_forgotten_the_session_is_connected_to_again(everything: Path) -> None:
    """It was restarted while nobody called: the first call learns of it, the next one works."""
    process = HttpProcess("node", str(everything), "streamableHttp", PORT="{port}")
    async with running(process), connected(http(process.port)) as server:
        assert (await server.call("echo", {"message": "a"})).ok
        await process.stop()
        await process.start()
        async with asyncio.timeout(60):
            while not (result := await server.call("echo", {"message": "b"})).ok:
                assert result.status is Status.INFRA
                await asyncio.sleep(0.1)
    assert result.text == "Echo: b"


async def test_a_server_that_answers_nothing_is_given_up_on() -> None:
    closed = asyncio.Event()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        closed.set()

    listening = await asyncio.start_server(keep, "127.0.0.1", 0)
    async with listening:
        server = McpServer(http(listening.sockets[0].getsockname()[1], connect_timeout_s=0.5))
        async with asyncio.timeout(30):
            assert not await server.start()
            assert (await server.call("echo", {})).status is Status.INFRA
            await server.close()
            await closed.wait()


@pytest.mark.parametrize("where", ["headers", "headers_env"])
async def test_headers_are_sent_and_never_shown(
    where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []
    caplog.set_level("DEBUG")
    monkeypatch.setenv("MCP_AUTHORIZATION", "Bearer s3cret")

    async def refuse(request: object) -> object:
        from aiohttp import web

        seen.append(request.headers["Authorization"])  # type: ignore[attr-defined]
        return web.Response(status=401)

    async with serving({"/mcp": refuse}) as site:  # type: ignore[dict-item]
        value = "Bearer s3cret" if where == "headers" else "MCP_AUTHORIZATION"
        config = HttpServer.model_validate(
            {"name": "web", "url": site.url("/mcp"), where: {"Authorization": value}, "connect_timeout_s": 60}
        )
        server = McpServer(config)
        assert not await server.start()
        await server.close()

    assert set(seen) == {"Bearer s3cret"}
    assert "s3cret" not in f"{caplog.text} {config!r} {config.model_dump_json()}"


def test_secrets_are_not_shown() -> None:
    config = http(1, headers={"X": "s3cret"})
    assert config.headers["X"] == SecretStr("s3cret")
    assert "s3cret" not in repr(config)
