"""The system calls that Python's standard library does not offer, with the errors of `os`: OSError."""

from __future__ import annotations

import ctypes
import os

from .syscalls import numbers

LIBC = ctypes.CDLL(None, use_errno=True)
_WORD = ctypes.c_ulong
LIBC.prctl.argtypes = (ctypes.c_int, _WORD, _WORD, _WORD, _WORD)

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38

_MNT_DETACH = 2
_AT_RECURSIVE = 0x8000
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES = 64  # the most that a kernel can have
_NO_CAPABILITIES = (ctypes.c_uint32 * 6)()


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("fd", ctypes.c_uint64),
    )


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


_THIS_PROCESS = _CapabilityHeader(version=_CAPABILITY_VERSION_3, pid=0)


def _check(call: str, returned: int) -> int:
    if returned < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return returned


def system_call(name: str, *arguments: object) -> int:
    """A system call that libc has no function for, by its name."""
    return _check(name, LIBC.syscall(ctypes.c_long(numbers()[name]), *arguments))


def unshare(flags: int) -> None:
    """Leaves the namespaces named by the flags for new ones."""
    _check("unshare", LIBC.unshare(flags))


def setns(descriptor: int, kind: int) -> None:
    """Enters the namespace that a descriptor stands for."""
    _check("setns", LIBC.setns(descriptor, kind))


def prctl(option: int, *arguments: int) -> None:
    """Sets a property of this process."""
    words = (*arguments, 0, 0, 0, 0)[:4]
    _check(f"prctl {option}", LIBC.prctl(option, *words))


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mounts a file system, or changes a mount, as the flags say."""
    returned = LIBC.mount(
        source.encode(), target.encode(), kind.encode() if kind else None, ctypes.c_ulong(flags), options.encode()
    )
    _check(f"mount {target}", returned)


def make_read_only(target: str, devices: bool) -> None:
    """Makes a mount and everything mounted below it read-only, without set-uid programs, and with devices only if told."""
    attributes = _MountAttributes(set=MS_RDONLY | MS_NOSUID | (0 if devices else MS_NODEV))
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    system_call("mount_setattr", -1, target.encode(), _AT_RECURSIVE, ctypes.byref(attributes), size)


def enter_root(path: str) -> None:
    """Makes a mounted directory the root of this mount namespace; the old root is gone afterwards."""
    os.chdir(path)
    system_call("pivot_root", b".", b".")
    _check("umount", LIBC.umount2(b".", _MNT_DETACH))
    os.chdir("/")


def drop_capabilities() -> None:
    """Gives up every capability, also those that a program started later could regain."""
    for capability in range(_CAPABILITIES):
        if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break  # the kernel has no more, or this process has none to begin with
    _check("capset", LIBC.capset(ctypes.byref(_THIS_PROCESS), ctypes.byref(_NO_CAPABILITIES)))
