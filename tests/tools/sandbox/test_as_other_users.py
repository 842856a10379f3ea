"""The sandbox holds whoever runs the server: its tests run again as a plain user, and as root on tier B."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from .as_user import ROOT

HERE = Path(__file__).parent
FILES = ("test_attacks.py", "test_lifecycle.py")  # what depends on the user; the rest depends on the tier only
PLAIN_USER = 65534
USERS = {"plain user": (PLAIN_USER, "A,B"), "plain user in bubblewrap": (PLAIN_USER, "A'"), "root": (0, "B")}
"""Name -> its number, and the tiers to try."""


@contextmanager
def running(uid: int, tiers: str, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The tests as that user, in a process of its own."""
    command = [sys.executable, str(HERE / "as_user.py"), str(uid), tiers, "-q", *(str(HERE / name) for name in FILES)]
    with output.open("wb") as said:
        process = subprocess.Popen(command, env={"PYTHONPATH": str(ROOT)}, stdout=said, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.timeout(400)
def test_every_promise_holds_for_other_users(tmp_path: Path) -> None:
    """All of them at once: each mostly waits for what it has tried."""
    users = {name: user for name, user in USERS.items() if "bubblewrap" not in name or shutil.which("bwrap")}
    with ExitStack() as stack:
        started = {name: stack.enter_context(running(*user, tmp_path / name)) for name, user in users.items()}
        failed = [name for name, process in started.items() if process.wait(390) != 0]

    assert failed == [], "\n".join((tmp_path / name).read_text()[-3000:] for name in failed)
