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
    """Processes below the zygote."""
    processes: int
    """Below the server, those of sessions not counted."""
    files: int
    """Open in the server."""


def look(server: psutil.Process, seconds: float, conversations: int) -> Look:
    """The server's tree, each part by itself."""
    below = server.children(recursive=True)
    zygote = next((each for each in below if "jail.zygote" in _command(each)), None)
    sessions = zygote.children(recursive=True) if zygote is not None else []
    return Look(
        seconds=seconds,
        conversations=conversations,
        server=_mib(server),
        engine=max((_mib(each) for each in below if "EngineCore" in _command(each)), default=0.0),
        zygote=_mib(zygote),
        sessions=len(sessions),
        processes=len(below) - len(sessions),
        files=server.num_fds(),
    )


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
