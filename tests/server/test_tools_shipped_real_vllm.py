"""The tools that ship, with nothing configured, behind real vLLM: Python in its sandbox, while the pocket model thinks."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from .test_real_vllm import PATIENCE, Server
from .test_tools_real_vllm import told

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(240)]

CONFIG = """
[presets.opened]
controllers = [
    { name = "adaptive_think", mode = "think" },
    { name = "hint_infer", hints = ["Let me use Python to verify this.\\n```python\\n"] },
]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    config = folder / "flyball.toml"
    config.write_text(CONFIG)
    running = Server(config, folder / "log.txt")
    yield running
    running.close()


def test_code_in_the_thinking_is_run_in_the_sandbox_and_nothing_is_left_of_it_when_the_server_stops(
    server: Server,
) -> None:
    python = {"tools": ["python"], "fenced": "only", "events": True, "budget": {"tool_calls": {"python": 4}}}
    body = server.ask("pocket:opened", flyball=python, max_tokens=1500)

    results = told(body, "tool_result")
    assert results and all(result["status"] == "ok" for result in results)
    assert "\\boxed{8}" in body["choices"][0]["message"]["content"]
    tools = server.http.get("/health").json()["tools"]
    assert (tools["offered"], tools["python"]["tier"], tools["python"]["sessions"]) == (2, "A", 0)
    below = psutil.Process(server.process.pid).children(recursive=True)
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(PATIENCE)
    assert psutil.wait_procs(below, timeout=PATIENCE)[1] == []
