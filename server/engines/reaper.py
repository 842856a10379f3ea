"""Ends processes once their server is gone: `python reaper.py SERVER`. Imports the standard library only.

SERVER is the process number of whoever starts this. Process numbers come over standard input, one a line. When the server
dies, even by SIGKILL, each is asked to end, and killed if it has not after a while.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

GRACE_S = 5.0
"""From asking processes to end until they are killed."""
_LINES = 0
"""Standard input."""


def main() -> None:
    """Ends with the server."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's; the server decides
    server = int(sys.argv[1])
    processes = _told_until_the_end_of(server)
    _signal(processes, signal.SIGTERM)
    _wait(processes, GRACE_S)
    _signal(processes, signal.SIGKILL)


def _told_until_the_end_of(server: int) -> list[int]:
    """Descriptors of the processes that were told; returns when the server has ended.

    The end of standard input tells nothing: a process that the server has forked may hold its other end.
    """
    processes: list[int] = []
    events = select.poll()
    events.register(_LINES, select.POLLIN)
    ended = None
    with contextlib.suppress(ProcessLookupError):  # it has ended before we began: what it told is there
        ended = os.pidfd_open(server)
        events.register(ended, select.POLLIN)
    rest = b""
    while True:
        ready = {descriptor for descriptor, _ in events.poll(0 if ended is None else None)}
        if _LINES in ready:
            read = os.read(_LINES, 4096)
            if not read:
                events.unregister(_LINES)
            *lines, rest = (rest + read).split(b"\n")
            processes += _opened(lines)
        elif ended is None or ended in ready:
            return processes


def _opened(lines: list[bytes]) -> list[int]:
    found = []
    for line in lines:
        with contextlib.suppress(ProcessLookupError):
            found.append(os.pidfd_open(int(line)))
    return found


def _signal(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, number)


def _wait(processes: list[int], seconds: float) -> None:
    """Until all have ended, at most so long."""
    until, alive = time.monotonic() + seconds, set(processes)
    while alive and (left := until - time.monotonic()) > 0:
        events = select.poll()
        for process in alive:
            events.register(process, select.POLLIN)
        alive -= {descriptor for descriptor, _ in events.poll(left * 1000)}


if __name__ == "__main__":
    main()
