"""The processes that an engine starts end with this one, however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_REAPER = Path(__file__).with_name("reaper.py")
_LOOK_EVERY_S = 0.2


class Offspring:
    """Sees to it that what `multiprocessing` starts `during` something is gone soon after this process, also after a SIGKILL.

    A parent-death signal would not do: it is bound to the thread that forked, and a process that is spawned cannot be
    given one from outside. So a small program beside us (`reaper.py`) does it. Linux only; elsewhere nothing is done.
    """

    def __init__(self) -> None:
        self._reaper: subprocess.Popen[bytes] | None = None
        self._told: set[int] = set()

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives or raises; processes are seen while it goes on."""
        if sys.platform == "linux" and self._reaper is None:
            self._reaper = _start_reaper()
        doing = asyncio.create_task(work)
        try:
            while not (await asyncio.wait([doing], timeout=_LOOK_EVERY_S))[0]:
                self._look()
        except asyncio.CancelledError:
            doing.cancel()
            raise
        finally:
            self._look()
        return doing.result()

    def _look(self) -> None:
        new = {child.pid for child in multiprocessing.active_children() if child.pid is not None} - self._told
        if self._reaper is None or self._reaper.stdin is None or not new:
            return
        self._told |= new
        with contextlib.suppress(BrokenPipeError):  # somebody has killed it
            os.write(self._reaper.stdin.fileno(), b"".join(b"%d\n" % pid for pid in new))

    def close(self) -> None:
        """The processes have ended, or are somebody else's to end."""
        if self._reaper is not None:
            reaper, self._reaper = self._reaper, None
            reaper.kill()
            reaper.communicate()


def _start_reaper() -> subprocess.Popen[bytes]:
    """In a session of its own: what is sent to our process group, such as an interrupt, is not for it."""
    command = [sys.executable, "-I", "-S", str(_REAPER), str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, env={})
