"""What a running server and what it started take."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

PARTS = ("server", "engine", "zygote")


@dataclass(frozen=True)
class Look:
    """One moment. Memory is resident, in MiB, shared pages included: so it does not depend on how many sessions live."""

    seconds: float
    conversations: int
    """That had ended by then."""
    server: float
    engine: float
    zygote: float
    sessions: int
    """Processes of the sandbox, those that rest there not counted."""
    processes: int
    """Below the server, those of sessions not counted."""
    files: int
    """Open in the server."""


class Tree:
    """A server and what is below it. Made while no session lives: what runs in the sandbox then is the zygote's own."""

    def __init__(self, server: psutil.Process) -> None:
        self._server = server
        self._resting = [each for each in server.children(recursive=True) if _in_sandbox(each)]
        self._zygote = max(self._resting, key=_mib, default=None)

    def look(self, seconds: float = 0.0, conversations: int = 0) -> Look:
        """Each part by itself."""
        below = self._server.children(recursive=True)
        sessions = [each for each in below if each not in self._resting and _in_sandbox(each)]
        return Look(
            seconds=seconds,
            conversations=conversations,
            server=_mib(self._server),
            engine=max((_mib(each) for each in below if "EngineCore" in _command(each)), default=0.0),
            zygote=_mib(self._zygote),
            sessions=len(sessions),
            processes=len(below) - len(sessions),
            files=self._server.num_fds(),
        )


def _in_sandbox(process: psutil.Process) -> bool:
    """The zygote, and what it has forked: all under its command."""
    return "jail.zygote" in _command(process)


def _command(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def _mib(process: psutil.Process | None) -> float:
    with suppress(psutil.Error):
        return 0.0 if process is None else float(process.memory_info().rss) / 2**20
    return 0.0


def entries(folders: Iterable[Path]) -> set[Path]:
    """What lies in these folders."""
    return {path for folder in folders if folder.is_dir() for path in folder.iterdir()}
