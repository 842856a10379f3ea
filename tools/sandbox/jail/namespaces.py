"""Namespaces of users and of process numbers."""

from __future__ import annotations

import os

from . import libc


def enter_user_namespace(flags: int) -> None:
    """Enters a user namespace, and those that the flags name, in which this process may mount; its user stays the same."""
    uid, gid = os.geteuid(), os.getegid()
    libc.unshare(libc.CLONE_NEWUSER | flags)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


class ProcessNamespaces:
    """Forks children of which each is the first process of a namespace of its own."""

    def __init__(self) -> None:
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def fork(self) -> int:
        """As `os.fork`. Errors: OSError where this process may not make namespaces."""
        libc.unshare(libc.CLONE_NEWPID)  # holds for all children from here on, not for this process
        child = -1
        try:
            child = os.fork()
        finally:
            if child != 0:
                libc.setns(self._own, libc.CLONE_NEWPID)
        return child
