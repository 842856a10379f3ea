"""Process trees: what they use, and how they end."""

import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

_STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Usage:
    """One look at a process tree."""

    cpu_seconds: Mapping[int, float]
    """CPU time so far, by process."""
    rss_bytes: int
    descriptors: int

    def cpu_since(self, earlier: "Usage") -> float:
        """CPU seconds that the tree has used since an earlier look."""
        return sum(seconds - earlier.cpu_seconds.get(pid, 0.0) for pid, seconds in self.cpu_seconds.items())


def look(pid: int) -> Usage:
    """The use of a process and all its descendants."""
    cpu: dict[int, float] = {}
    rss = descriptors = 0
    for process in _tree(pid):
        try:
            with process.oneshot():
                times = process.cpu_times()
                rss += process.memory_info().rss
                descriptors += process.num_fds()
            cpu[process.pid] = times.user + times.system
        except psutil.NoSuchProcess:  # ended between the listing and the look
            continue
    return Usage(cpu, rss, descriptors)


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def end(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """Ask a process to end; then end whatever of its tree is left, so that no engine outlives a run."""
    tree: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        tree = _tree(process.pid)
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in tree:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(tree, timeout=_STOP_SECONDS)
