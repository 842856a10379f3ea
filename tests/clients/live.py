"""The servers that real clients are tried on: the scripted one, and `flyball serve` on real vLLM."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ..server.serving import Served, serving

KEY = "sk-for-clients"
PRESETS: dict[str, Any] = {"brief": {"controllers": [{"name": "adaptive_think", "mode": "no_think"}]}}
CONFIG = """
[server]
api_keys = ["{key}"]
[presets.brief]
controllers = [{{ name = "adaptive_think", mode = "no_think" }}]
"""
QUESTION = "Start with 7, then add 5, then multiply by 3, then subtract 8, then add 6. What is the result modulo 10?"
"""Long enough that the packaged model thinks."""
START_SECONDS = 240


@dataclass(frozen=True)
class Live:
    """A server; `served` is there when it is the scripted one, whose answers are known."""

    url: str
    served: Served | None

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def says(self) -> Served:
        """The scripted server, in a test that is for it alone."""
        assert self.served is not None
        return self.served


@contextmanager
def scripted() -> Iterator[Live]:
    with serving(server={"api_keys": [KEY]}, presets=PRESETS) as served:
        yield Live(served.url, served)


@contextmanager
def on_vllm(folder: Path) -> Iterator[Live]:
    """`flyball serve` with the packaged model, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "flyball.toml").write_text(CONFIG.format(key=KEY))
    serve = [sys.executable, "-m", "flyball.cli.main", "serve", "--config", "flyball.toml", "--port", str(port)]
    with (folder / "server.log").open("w") as log:
        command = [*serve, "--engine-args", '{"enforce_eager": true}']
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            _until_healthy(process, f"http://127.0.0.1:{port}")
            yield Live(f"http://127.0.0.1:{port}", None)
        finally:
            process.terminate()
            process.wait(60)


def _until_healthy(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _healthy(url):
        assert process.poll() is None, "the server has ended; see server.log"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.2)  # another process: there is no event to wait for


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", verify=False).status_code == 200
    except httpx.TransportError:
        return False
