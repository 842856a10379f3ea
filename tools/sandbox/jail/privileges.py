"""What a session gives up before it runs a cell."""

from __future__ import annotations

import os
import resource
import signal

from ..limits import Limits
from . import libc

_MIB = 1 << 20
RESERVE = 16 * _MIB
"""How much memory is kept back from cells."""


def become(uid: int) -> None:
    """Leaves root for a user that owns nothing; without root, changes nothing."""
    if os.geteuid() != 0:
        return
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if {*os.getresuid(), *os.getresgid()} != {uid}:  # the kernel takes -1, also as 2**32 - 1, for "as it is"
        raise OSError(f"the kernel has not made this process that of user {uid}")
    libc.prctl(libc.PR_SET_DUMPABLE, 1)  # else the files in /proc/self that map users belong to root


def die_with_parent() -> None:
    """Has the kernel kill this process when its parent ends; each change of user clears that, so it comes after them."""
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)


def limit(limits: Limits, address_space: int, threads: int) -> None:
    """Sets the limits that the kernel keeps; the zygote's own address space comes on top of what a session may take."""
    values = {
        resource.RLIMIT_AS: address_space + limits.memory_mib * _MIB + RESERVE,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.disk_mib * _MIB,
        resource.RLIMIT_NOFILE: limits.descriptors,
        resource.RLIMIT_NPROC: threads,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }
    for name, value in values.items():
        hard = resource.getrlimit(name)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (allowed, allowed))


def threads_of_user() -> int:
    """Threads that run as this user, which the kernel counts together."""
    return sum(_threads(entry.path) for entry in os.scandir("/proc") if entry.name.isdigit())


def _threads(process: str) -> int:
    try:
        if os.stat(process).st_uid != os.geteuid():
            return 0
        with open(f"{process}/status", encoding="ascii", errors="replace") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Threads:"))
    except (OSError, StopIteration):  # it has ended meanwhile
        return 0


def address_space() -> int:
    """Bytes that this process has mapped."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
