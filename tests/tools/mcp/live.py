"""Connections to real servers, and what they leave behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from flyball.tools.mcp.config import HttpServer, ServerConfig, StdioServer
from flyball.tools.mcp.server import McpServer

HERE = Path(__file__).parent
PATIENCE = 60.0


@asynccontextmanager
async def connected(config: ServerConfig, on_change: Callable[[], None] = lambda: None) -> AsyncIterator[McpServer]:
    """A started server; closed at the end."""
    server = McpServer(config, on_change)
    try:
        assert await server.start()
        yield server
    finally:
        await server.close()


def awkward(*args: str, **settings: object) -> StdioServer:
    command = {"name": "odd", "command": sys.executable, "args": ("-I", str(HERE / "awkward.py"), *args)}
    return StdioServer.model_validate({**command, "connect_timeout_s": PATIENCE, **settings})


def http(port: int, **settings: object) -> HttpServer:
    url = f"http://127.0.0.1:{port}/mcp"
    return HttpServer.model_validate({"name": "web", "url": url, "connect_timeout_s": PATIENCE, **settings})


def children(script: Path | str) -> list[psutil.Process]:
    """Processes of ours that run this script."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if str(script) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def pids(script: Path | str) -> list[int]:
    """The servers among them, without what launched them."""
    return [process.pid for process in children(script) if "launcher.py" not in " ".join(process.cmdline())]


def kill(script: Path | str) -> None:
    for pid in pids(script):
        os.kill(pid, signal.SIGKILL)


def is_gone(pid: int) -> bool:
    """Also when nobody has asked yet how it ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def until(condition: Callable[[], bool]) -> None:
    """Waits, for a bounded time, for what another process does."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class HttpProcess:
    """A server process on a port of this machine."""

    def __init__(self, *command: str, **environment: str) -> None:
        self.port = free_port()
        self._command = [part.replace("{port}", str(self.port)) for part in command]
        self._environment = {name: value.replace("{port}", str(self.port)) for name, value in environment.items()}
        self._process: asyncio.subprocess.Process | None = None
        self.said = b""

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **self._environment},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self._listening = asyncio.create_task(self._listen())
        async with asyncio.timeout(PATIENCE):
            while not await self._accepts():
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """By SIGKILL: no farewell."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._listening
        self._process._transport.close()  # type: ignore[attr-defined]  # else it warns when it is collected

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(4096):
            self.said += chunk

    async def _accepts(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True


@asynccontextmanager
async def running(process: HttpProcess) -> AsyncIterator[HttpProcess]:
    await process.start()
    try:
        yield process
    finally:
        await process.stop()
