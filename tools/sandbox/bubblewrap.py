"""The zygote in bubblewrap: for users who may not make namespaces themselves where bubblewrap may."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ...core.errors import SandboxError
from .jail.filesystem import DEVICES, WORK, readable


def in_bubblewrap(source: str) -> list[str]:
    """What to put before a command so that it runs where nothing of this system can be seen but libraries, this Python, and our own package.

    `source` is the folder that our package is imported from. Errors: SandboxError where bubblewrap is not installed, and
    for root, whose processes the kernel counts against no limit.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError("bubblewrap is not installed")
    if os.geteuid() == 0:
        raise SandboxError("it is for other users than root")
    walls = ["--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--hostname", "sandbox", "--proc", "/proc"]
    return [program, *walls, *_shown(source), "--dir", WORK, "--remount-ro", "/", "--chdir", "/", "--"]


def _shown(source: str) -> Iterator[str]:
    for path in readable():
        yield from ("--symlink", os.readlink(path), path) if os.path.islink(path) else ("--ro-bind", path, path)
    for device in DEVICES:
        yield from ("--dev-bind", device, device)
    yield from ("--ro-bind", os.path.realpath(sys.executable), sys.executable)
    environment = Path(sys.prefix, "pyvenv.cfg")
    for needed in filter(Path.exists, (environment, *_package(Path(source)))):
        yield from ("--ro-bind", str(needed), str(needed))


def _package(source: Path) -> Iterator[Path]:
    """Our package's folder, and those that it holds links to when it is run from a checkout."""
    package = source / __name__.partition(".")[0]
    yield package
    for entry in package.iterdir():
        if entry.is_symlink():
            yield package.joinpath(entry.readlink()).resolve()
