"""Starting, awaiting and stopping the servers of a run."""

import http.client
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .arms import ServerSpec
from .processes import end

_START_SECONDS = 300.0


class StartError(RuntimeError):
    """A server did not come up; carries the end of its log."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    spec: ServerSpec
    pid: int
    start_seconds: float
    log: Path

    @property
    def log_end(self) -> str:
        """The last lines that the server wrote."""
        return _end_of(self.log)


@contextmanager
def running(specs: Mapping[str, ServerSpec], logs: Path) -> Iterator[dict[str, Running]]:
    """All servers, started one after another, an upstream before what stands in front of it; stopped at the end."""
    with ExitStack() as stack:
        order = sorted(specs.values(), key=lambda spec: spec.upstream is not None)
        yield {spec.name: stack.enter_context(_started(spec, logs)) for spec in order}


@contextmanager
def _started(spec: ServerSpec, logs: Path) -> Iterator[Running]:
    env = {name: value for name, value in (os.environ | spec.env).items() if value is not None}
    log = logs / f"{spec.name}.log"
    begun = time.monotonic()
    with log.open("w") as out:
        process = subprocess.Popen(
            spec.command,
            env=env,
            cwd=logs,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the run, which ends its servers once nobody asks them any more
        )
    try:
        _await_health(spec, process, log)
        yield Running(spec, process.pid, time.monotonic() - begun, log)
    finally:
        end(process)


def _await_health(spec: ServerSpec, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _healthy(spec):
        if process.poll() is not None or time.monotonic() > deadline:
            raise StartError(f"{spec.name} did not start:\n{_end_of(log)}")
        time.sleep(0.25)


def _healthy(spec: ServerSpec) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", spec.port, timeout=5)
    try:
        connection.request("GET", spec.health)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-3000:]
