"""The servers that are asked: `flyball serve` with one of the files in servers/."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.overhead.arms import ServerSpec
from benchmarks.overhead.servers import running

from .plan import HERE

ROOT = HERE.parents[1]


@contextmanager
def serving(name: str, folder: Path, traces: Path | None = None) -> Iterator[str]:
    """The URL, up to /v1, of a server that lives as long as the context; its log goes to the folder.

    Tools of its own are in a Python file beside its configuration.
    """
    config = HERE / "servers" / f"{name}.toml"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "flyball.cli.main", "serve", "--config", str(config), "--port", str(port)]
    if (tools := config.with_suffix(".py")).exists():
        command += ["--tools", str(tools)]
    if traces is not None:
        command += ["--traces", f"sqlite:///{traces}"]
    spec = ServerSpec(name, command, port, env={"PYTHONPATH": str(ROOT)})
    with running({name: spec}, folder):
        yield f"http://127.0.0.1:{port}/v1"


def serve_command(name: str, traces: bool) -> str:
    """How a reader starts it."""
    config = HERE / "servers" / f"{name}.toml"
    words = ["flyball", "serve", "--config", str(config.relative_to(ROOT))]
    if (tools := config.with_suffix(".py")).exists():
        words += ["--tools", str(tools.relative_to(ROOT))]
    return " ".join([*words, *(["--traces", "sqlite:///traces.sqlite"] if traces else [])])
