"""Namespaces of users and of process numbers."""

from __future__ import annotations

import os

from . import libc


def enter_user_namespace(flags: int, proc: int) -> None:
    """Enters a user namespace, and those that the flags name, in which this process may mount; its user stays the same.

    `proc` is a descriptor of `/proc`.
    """
    uid, gid = os.geteuid(), os.getegid()
    libc.unshare(libc.CLONE_NEWUSER | flags)
    maps = (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1"))
    for name, text in maps:
        file = os.open(f"self/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


class ProcessNamespaces:
    """Forks children of which each is the first process of a namespace of its own."""

    def __init__(self, proc: int) -> None:
        self._own = os.open("self/ns/pid", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)

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
