"""The server ends on purpose, or is killed, or its engine is: nothing is lost that could be kept, and nothing is left."""

from __future__ import annotations

import json
import os
import signal
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from flyball.server.traces.reader import TraceReader

from ..live import PATIENCE, QUESTION, Server

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(400)]

EXECUTE = "/v1/flyball/tools/execute"


def test_a_dead_engine_is_answered_with_503_and_started_again(server: Server) -> None:
    server.engine_core().kill()
    body = {"model": "pocket", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 4}

    def refused() -> bool:
        response = server.http.post("/v1/chat/completions", json=body)
        assert response.status_code in (200, 503)
        return response.status_code == 503

    server.until(refused)
    assert server.http.post("/v1/chat/completions", json=body).json()["error"]["type"] == "service_unavailable"
    server.until(server.healthy, 120)
    assert server.ask(max_tokens=4)["usage"]["completion_tokens"] == 4


def test_sigterm_lets_a_running_answer_finish_and_its_trace_be_written(server: Server) -> None:
    body = {"model": "pocket", "messages": [{"role": "user", "content": QUESTION}], "stream": True, "temperature": 0}
    with server.http.stream(
        "POST", "/v1/chat/completions", json=body | {"max_tokens": 600, "ignore_eos": True}
    ) as response:
        lines = response.iter_lines()
        first = next(line for line in lines if line.startswith("data: "))
        trace = json.loads(first[6:])["id"]
        os.kill(server.process.pid, signal.SIGTERM)
        rest = [line for line in lines if line.startswith("data: ")]

    assert rest[-1] == "data: [DONE]"
    assert server.process.wait(PATIENCE) in (0, -signal.SIGTERM)
    with TraceReader(f"sqlite:///{server.folder / 'traces.sqlite'}") as reader:
        stored = reader.episode(trace)
        assert stored is not None
        assert stored.trajectories[0].tally.sampled == 600


def test_a_server_that_is_killed_takes_its_engine_and_its_sandbox_along(tmp_path: Path) -> None:
    call = {"tool": "python", "arguments": {"code": "x = 6"}, "session": "s"}
    with closing(Server(tmp_path, "")) as server:
        assert server.http.post(EXECUTE, json={"calls": [call]}).json()["results"][0]["status"] == "ok"
        below = psutil.Process(server.process.pid).children(recursive=True)
        assert server.engine_core() in below
        assert len(below) >= 4  # the engine core, its reaper, the zygote, a session
        server.process.kill()
        server.process.wait(PATIENCE)
        _, alive = psutil.wait_procs(below, timeout=PATIENCE)

        assert alive == []
