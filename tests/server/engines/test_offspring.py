"""What an engine has started is gone when its server is, even after a SIGKILL."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

PATIENCE = 30.0


class Mother:
    """A process that has started another one, and its reaper."""

    def __init__(self, method: str, behaviour: str) -> None:
        command = [sys.executable, "-m", "tests.server.engines.mother", method, behaviour]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
        assert self.process.stdout is not None
        self.child = psutil.Process(int(self.process.stdout.readline()))
        assert self.process.stdout.readline() == "ready\n"
        self.below: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)

    def reapers_of(self, count: int) -> list[psutil.Process]:
        """The reapers, once so many have become what they are: a process is its parent's copy before it is itself."""
        deadline = time.monotonic() + PATIENCE
        while len(self.reapers) < count and time.monotonic() < deadline:
            psutil.wait_procs(self.below, timeout=0.05)
        return self.reapers

    @property
    def reapers(self) -> list[psutil.Process]:
        return [each for each in self.below if any("reaper.py" in word for word in each.cmdline())]


def wait_until_interrupts_are_ignored(process: psutil.Process) -> None:
    """As soon as its program has begun; before, its session of its own keeps a terminal's away."""
    deadline, ignored = time.monotonic() + PATIENCE, False
    while not ignored and time.monotonic() < deadline:
        status = Path(f"/proc/{process.pid}/status").read_text()
        (mask,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")]
        ignored = bool(int(mask, 16) & 1 << signal.SIGINT - 1)
    assert ignored


@contextmanager
def mother(method: str, behaviour: str) -> Iterator[Mother]:
    started = Mother(method, behaviour)
    yield started
    assert started.process.stdout is not None
    started.process.stdout.close()
    for process in [started.process, *started.below]:
        if process.is_running() if isinstance(process, psutil.Process) else process.poll() is None:
            process.kill()
    started.process.wait(PATIENCE)


@pytest.mark.parametrize(
    ("method", "behaviour"),
    [("fork", "plain"), ("spawn", "plain"), ("fork", "loading"), ("spawn", "loading"), ("spawn", "stubborn")],
)
def test_nothing_is_left_of_a_server_that_is_killed(method: str, behaviour: str) -> None:
    with mother(method, behaviour) as started:
        assert len(started.reapers_of(1)) == 1
        started.process.send_signal(signal.SIGKILL)
        started.process.wait(PATIENCE)
        _, alive = psutil.wait_procs(started.below, timeout=PATIENCE)

        assert started.child in started.below
        assert alive == []


def test_the_reaper_is_gone_once_the_engine_is_closed_and_leaves_others_alone() -> None:
    with mother("fork", "closed") as started:
        assert started.reapers == []
        assert started.child.is_running()


def test_a_terminals_interrupt_is_not_the_reapers() -> None:
    with mother("fork", "plain") as started:
        (reaper,) = started.reapers_of(1)
        wait_until_interrupts_are_ignored(reaper)
        reaper.send_signal(signal.SIGINT)
        started.process.kill()
        _, alive = psutil.wait_procs(started.below, timeout=PATIENCE)

        assert alive == []
