"""What is left of vLLM, the sandbox and what runs in it when `flyball serve` is killed: nothing."""

from __future__ import annotations

import psutil
import pytest

from .live import PATIENCE, Server

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(400)]

CONFIG = ""
EXECUTE = "/v1/flyball/tools/execute"


def test_a_server_that_is_killed_takes_its_engine_and_its_sandbox_along(server: Server) -> None:
    call = {"tool": "python", "arguments": {"code": "x = 6"}, "session": "s"}
    assert server.http.post(EXECUTE, json={"calls": [call]}).json()["results"][0]["status"] == "ok"
    below = psutil.Process(server.process.pid).children(recursive=True)
    assert server.engine_core() in below
    assert len(below) >= 4  # the engine core, its reaper, the zygote, a session
    server.process.kill()
    server.process.wait(PATIENCE)
    _, alive = psutil.wait_procs(below, timeout=PATIENCE)

    assert alive == []
