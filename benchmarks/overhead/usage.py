"""What a process tree uses."""

from collections.abc import Mapping
from dataclasses import dataclass

import psutil


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
    root = psutil.Process(pid)
    cpu: dict[int, float] = {}
    rss = descriptors = 0
    for process in [root, *root.children(recursive=True)]:
        try:
            with process.oneshot():
                times = process.cpu_times()
                rss += process.memory_info().rss
                descriptors += process.num_fds()
            cpu[process.pid] = times.user + times.system
        except psutil.NoSuchProcess:  # ended between the listing and the look
            continue
    return Usage(cpu, rss, descriptors)
