"""The sandbox holds whoever runs the server: its tests run again as a plain user, and as root on tier B."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .as_user import ROOT

HERE = Path(__file__).parent
FILES = ("test_attacks.py", "test_lifecycle.py")  # what depends on the user; the rest depends on the tier only
PLAIN_USER = 65534
WITH_BUBBLEWRAP = pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("uid", "tiers"),
    [(PLAIN_USER, "A,B"), pytest.param(PLAIN_USER, "A'", marks=WITH_BUBBLEWRAP), (0, "B")],
    ids=["plain user", "plain user in bubblewrap", "root"],
)
def test_every_promise_holds_for_another_user(uid: int, tiers: str) -> None:
    ran = subprocess.run(
        [sys.executable, str(HERE / "as_user.py"), str(uid), tiers, "-q", *(str(HERE / name) for name in FILES)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=390,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
