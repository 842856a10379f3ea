"""A cgroup (version 2) for all sessions: the kernel keeps them to memory and threads together, with what it keeps for them."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...core.errors import SandboxError

_CONTROLLERS = ("cpu", "memory", "pids")
_WEIGHT = 50  # of the processor, where the server's own group has 100
_SWAP = "memory.swap.max"
_MIB = 1 << 20
_TRIAL_MIB, _TRIAL_THREADS = 64, 8
_TRIAL = f"""
import sys, threading, time
sys.stdin.readline()
try:
    for _ in range({4 * _TRIAL_THREADS}):
        threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
except RuntimeError:
    print("threads are held", flush=True)
kept = b"x" * {4 * _TRIAL_MIB * _MIB}
"""


class Cgroup:
    """A group below one that is this server's to divide, such as systemd's `Delegate=yes` gives. Errors: OSError."""

    def __init__(self, parent: Path, name: str, memory_bytes: int, threads: int) -> None:
        (parent / "cgroup.subtree_control").write_text(" ".join(f"+{controller}" for controller in _CONTROLLERS))
        self._folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))
        try:
            self._set({"memory.max": memory_bytes, "pids.max": threads, "cpu.weight": _WEIGHT})
            if (self._folder / _SWAP).exists():  # not where swap is not counted
                self._set({_SWAP: 0})
        except OSError:
            self.remove(seconds=0.0)
            raise

    def _set(self, settings: Mapping[str, int]) -> None:
        for setting, value in settings.items():
            (self._folder / setting).write_text(str(value))

    def take(self, pid: int) -> None:
        """From now on the process is in the group, and so are those that it forks."""
        self._set({"cgroup.procs": pid})

    def remove(self, seconds: float = 1.0) -> None:
        """Kills who is left in it, and removes it; one that does not empty itself in time stays, without a process."""
        kill = self._folder / "cgroup.kill"
        if kill.exists():  # from Linux 5.14 on
            kill.write_text("1")
        until = time.monotonic() + seconds
        while self._folder.exists():
            with contextlib.suppress(OSError):
                self._folder.rmdir()
            if time.monotonic() >= until:
                return
            time.sleep(0.01)


def proven(parent: Path, memory_bytes: int, threads: int) -> Cgroup:
    """A group for this server's sessions, once a process that is thrown away was held by one like it.

    Errors: SandboxError, where there is no such group to be had, or it holds nothing.
    """
    try:
        _try_out(parent)
        return Cgroup(parent, "sessions", memory_bytes, threads)
    except OSError as error:
        raise SandboxError(f"the cgroup {parent} cannot be divided: {error}") from error


def _try_out(parent: Path) -> None:
    with _trial_group(parent) as group:
        ran = subprocess.Popen(
            [sys.executable, "-I", "-c", _TRIAL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with ran:
            group.take(ran.pid)
            said, _ = ran.communicate("go\n")
    if "held" not in said:
        raise SandboxError(f"the cgroup {parent} does not keep a process to its number of threads")
    if ran.returncode != -signal.SIGKILL:
        raise SandboxError(f"the cgroup {parent} does not keep a process to its memory")


@contextlib.contextmanager
def _trial_group(parent: Path) -> Iterator[Cgroup]:
    group = Cgroup(parent, "trial", _TRIAL_MIB * _MIB, _TRIAL_THREADS)
    try:
        yield group
    finally:
        group.remove()
