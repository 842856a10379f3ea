"""The whole server as a user starts it: `flyball serve` in a process of its own, on real vLLM with the pocket model."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

QUESTION = "Start with 7, add 5, then multiply by 3, then subtract 8, modulo 10. What is the result?"
PATIENCE = 60.0
_START_SECONDS = 300.0


class Server:
    """A running `flyball serve`."""

    def __init__(self, folder: Path, config: str) -> None:
        self.folder = folder
        file = folder / "flyball.toml"
        file.write_text(config.replace("{folder}", str(folder)))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        command = [sys.executable, "-m", "flyball.cli.main", "serve", "--config", str(file), "--port", str(self.port)]
        self._log = (folder / "log.txt").open("w")
        args = ["--engine-args", '{"enforce_eager": true}', "--log-level", "info"]
        self.process = subprocess.Popen([*command, *args], stdout=self._log, stderr=subprocess.STDOUT)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE)
        try:
            self.until(self.healthy, _START_SECONDS)
        except BaseException:
            self.close()
            raise

    def healthy(self) -> bool:
        assert self.process.poll() is None, "the server has ended"
        try:
            return self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def until(self, holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.05)  # another process: there is no event to wait for

    def running(self) -> int:
        count: int = self.http.get("/health").json()["engine_running"]
        return count

    def ask(self, model: str = "pocket", **fields: Any) -> dict[str, Any]:
        body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0, **fields}
        response = self.http.post("/v1/chat/completions", json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def stream(self, model: str, **fields: Any) -> tuple[str, str, str]:
        """Thinking, answer and finish reason of a streamed response."""
        body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0, **fields}
        reasoning = content = finish = ""
        with self.http.stream("POST", "/v1/chat/completions", json=body | {"stream": True}) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    (choice,) = json.loads(line[6:])["choices"]
                    reasoning += choice["delta"].get("reasoning") or ""
                    content += choice["delta"].get("content") or ""
                    finish = choice["finish_reason"] or finish
        return reasoning, content, finish

    def engine_core(self) -> psutil.Process:
        children = psutil.Process(self.process.pid).children(recursive=True)
        return max(children, key=lambda child: child.memory_info().rss)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.http.close()
        self._log.close()
