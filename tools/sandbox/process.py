"""A session's process as the host holds it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal


class SessionProcess:
    """One process, held by a descriptor, so that a signal never reaches another that got the same number."""

    def __init__(self, descriptor: int, end: asyncio.Future[int | None]) -> None:
        self.pid = process_number(descriptor)
        """As this process sees it; -1 if it had ended before."""
        self.end = end
        """Set to the wait status when the process has ended, to None when the zygote has."""
        self._descriptor = descriptor
        self._at_start = self._resident()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, unless the process has ended."""
        if self._descriptor >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def release(self) -> None:
        """Kills the process if it lives, and lets go of it."""
        self.send(signal.SIGKILL)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def grown_bytes(self) -> int:
        """Memory that it takes beyond what it shared with the zygote when it started; 0 when it has ended."""
        return max(0, self._resident() - self._at_start)

    def cpu_seconds(self) -> float:
        """Processor time that it has used; 0 when it has ended."""
        try:
            with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:
                words = file.read().rpartition(")")[2].split()
        except OSError:  # it has ended
            return 0.0
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def _resident(self) -> int:
        try:
            with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
                _, resident, shared, *_ = (int(word) for word in file.read().split())
        except (OSError, ValueError):  # it has ended
            return 0
        return (resident - shared) * resource.getpagesize()


def process_number(descriptor: int) -> int:
    """The process that a process descriptor stands for, -1 when it has ended: the zygote counts otherwise than the host."""
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pid:"))
