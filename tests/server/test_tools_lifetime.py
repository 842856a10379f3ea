"""What is left of sandboxes and MCP servers when the server's process has ended: nothing."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from .test_tools_mcp import TIME

PATIENCE = 60.0
EXECUTE = "/v1/flyball/tools/execute"


class Host:
    """A server's process, and what runs below it."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = {
            "model": {"name": "pocket"},
            "server": {"port": port, "drain_seconds": 1},
            "tools": {"python": {"preload": []}, "mcp": {"stdio": [TIME]}},
        }
        command = [sys.executable, "-m", "tests.server.tool_host", json.dumps(config)]
        self.process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, verify=False)
        self._until_ready()

    def _until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the server did not start"
            try:
                if self.http.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)  # nothing of a process that starts can be waited for but its port
        raise AssertionError("the server did not start in time")

    def below(self) -> list[psutil.Process]:
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found

    def close(self) -> None:
        self.http.close()
        self.process.kill()
        self.process.wait(PATIENCE)


@pytest.fixture
def host() -> Iterator[Host]:
    started = Host()
    yield started
    started.close()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_ends_takes_its_sandbox_its_sessions_and_its_mcp_servers_along(
    host: Host, sign: signal.Signals
) -> None:
    body = {"calls": [{"tool": "python", "arguments": {"code": "x = 1"}, "session": "s"}]}
    assert host.http.post(EXECUTE, json=body).json()["results"][0]["status"] == "ok"
    below = host.below()
    assert len(below) >= 4  # the zygote, a session, the launcher of the MCP server, and the MCP server
    host.process.send_signal(sign)
    host.process.wait(PATIENCE)
    _, alive = psutil.wait_procs(below, timeout=PATIENCE)

    assert alive == []
    assert host.process.returncode in (0, -sign)
