"""Runs a program and leaves nothing behind: `python launcher.py COMMAND ARGUMENT...`. Imports the standard library only.

The program has our standard input, output and error. When it ends, what it started is killed, also what has left its
process group. When the process that started us dies, even by SIGKILL, the program is ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

_PARENT_DEATH_SIGNAL, _CHILD_SUBREAPER = 1, 36
GRACE_S = 1
"""From asking the program to end until it is killed; shorter than what asks us waits for us."""


def main() -> None:
    """Exits as the program did."""
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans below us become our children
        prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    try:
        program = subprocess.Popen(sys.argv[1:], env=_environment())
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(127)
    _end_on_signal(program)
    code = program.wait()
    _kill_children()
    sys.exit(code if code >= 0 else 128 - code)


def _environment() -> dict[str, str]:
    """Ours, without what Python itself adds where no locale is set."""
    return {name: value for name, value in os.environ.items() if (name, value) != ("LC_CTYPE", "C.UTF-8")}


def _end_on_signal(program: subprocess.Popen[bytes]) -> None:
    def kill(*_: object) -> None:
        program.kill()

    def end(*_: object) -> None:
        program.terminate()
        signal.alarm(GRACE_S)

    signal.signal(signal.SIGALRM, kill)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's; who started us decides


def _kill_children() -> None:
    """Each that dies may leave us its own children."""
    while True:
        for pid in _children():
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    own, found = str(os.getpid()), []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text(errors="replace").rpartition(")")[2].split()[1]
        except OSError:  # gone since
            continue
        if parent == own:
            found.append(int(stat.parent.name))
    return found


if __name__ == "__main__":
    main()
