"""What the zygote and its sessions see of the file system."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from . import libc

WORK = "/home/sandbox"
"""The working directory of a session, where it is writable."""

DEVICES = ("/dev/null", "/dev/urandom")
_LIBRARIES = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64", "/usr/share")
_LINKS = ("/lib", "/lib32", "/lib64")
_PLAIN_TMPFS = libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC


def readable() -> list[str]:
    """The folders that Python's libraries need: the system's libraries, and those of this Python and its environment.

    Not whole `/usr` or whole environments: people keep programs with their secrets in `/usr/src`, and make environments
    in the folder of a project.
    """
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    own = {f"{prefix.rstrip('/')}/{name}" for prefix in prefixes for name in ("lib", "lib64")}
    return sorted(path for path in {*_LIBRARIES, *_LINKS, *own} if os.path.isdir(path))


def enter_zygote_root(base: str = "/tmp") -> None:
    """Gives this mount namespace a root of its own: the readable folders, two devices, a place for the working directory.

    `base` is any folder; the new root is mounted over it until the old one is gone.
    """
    libc.mount("", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    folders = readable()
    links = {path: os.readlink(path) for path in folders if os.path.islink(path)}
    shown = [path for path in folders if path not in links and not _inside(path, folders)]
    sources = {path: os.open(path, os.O_PATH) for path in (*shown, *DEVICES, "/proc")}  # opened before base hides any
    libc.mount("tmpfs", base, "tmpfs", libc.MS_NOSUID, "size=1m,mode=755")
    for path, source in sources.items():
        _show(source, base + path)
        os.close(source)
    for path in shown:
        libc.make_read_only(base + path, devices=False)
    for path in DEVICES:
        libc.make_read_only(base + path, devices=True)  # they can be written to, but not touched
    for path, target in links.items():
        os.makedirs(os.path.dirname(base + path), exist_ok=True)
        os.symlink(target, base + path)
    os.makedirs(base + WORK)
    libc.mount("", base, None, libc.MS_REMOUNT | libc.MS_RDONLY | libc.MS_NOSUID)
    libc.mount("tmpfs", base + WORK, "tmpfs", _PLAIN_TMPFS, "size=64m,mode=700")  # for the caches of the preload
    libc.enter_root(base)


def cover_proc() -> None:
    """Leaves nothing in `/proc`, for this process and the sessions forked from it."""
    libc.mount("tmpfs", "/proc", "tmpfs", _PLAIN_TMPFS | libc.MS_RDONLY, "size=4k,nr_inodes=2,mode=555")


def enter_work_folder(disk_mib: int, files: int) -> None:
    """Gives this session an empty working directory of bounded size."""
    libc.mount("tmpfs", WORK, "tmpfs", _PLAIN_TMPFS, f"size={disk_mib}m,nr_inodes={files},mode=700")
    os.chdir(WORK)


def _inside(path: str, others: list[str]) -> bool:
    return any(path.startswith(f"{other}/") for other in others)


def _show(source: int, target: str) -> None:
    if stat.S_ISDIR(os.fstat(source).st_mode):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    libc.mount(f"/proc/self/fd/{source}", target, None, libc.MS_BIND | libc.MS_REC)
