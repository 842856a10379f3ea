"""Runs pytest as another user: `python as_user.py UID TIERS ARGUMENT...`. Needs root.

A user that is not root may be unable to reach the Python that runs this, as it lies under a folder such as /root. So a
mount namespace of its own shows that Python, and these tests, at the same place under folders that everybody can enter.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flyball.tools.sandbox.jail import libc

ROOT = Path(__file__).parents[3]


def main(uid: int, tiers: str, arguments: list[str]) -> None:
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    for needed in {sys.prefix, sys.base_prefix, str(ROOT)}:
        open_way(Path(needed))
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    environment = {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # importing all that is installed takes seconds
        "FLYBALL_TEST_TIERS": tiers,
        "HOME": "/tmp",
    }
    plugins = ["-p", "asyncio", "-p", "timeout", "-p", "no:cacheprovider"]
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *plugins, *arguments], environment)


def open_way(path: Path) -> None:
    """Puts an open folder over the first parent that others cannot enter, with nothing in it but the way to `path`."""
    closed = next((parent for parent in reversed(path.parents) if not parent.stat().st_mode & 0o001), None)
    if closed is None:
        return
    source = os.open(path, os.O_PATH)
    libc.mount("tmpfs", str(closed), "tmpfs", 0, "mode=755")
    path.mkdir(parents=True)
    libc.mount(f"/proc/self/fd/{source}", str(path), None, libc.MS_BIND | libc.MS_REC)
    os.close(source)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
