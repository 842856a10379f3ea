"""Landlock: which files a process may open, kept by the kernel without any privilege."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from .libc import PR_SET_NO_NEW_PRIVS, prctl, system_call

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_SOCKET, _MAKE_DEVICE = 1 << 9, 1 << 6 | 1 << 11
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 5: 16}  # how many file rights each version of Landlock knows
_NETWORK = 0b11  # bind and connect of TCP, from version 4
_SCOPE = 0b11  # abstract unix sockets and signals to processes outside, from version 6
_FILE_RIGHTS = _WRITE_FILE | _READ_FILE | _TRUNCATE
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scope", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of Landlock that this kernel has. Errors: OSError where it has none."""
    return system_call("landlock_create_ruleset", None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION)


def ruleset(readable: Iterable[str], writable: Iterable[str]) -> int:
    """A descriptor of rules that leave the given files and folders, and nothing else.

    A path that does not exist is left out. Nothing can be executed, no socket or device made. Errors: OSError where the
    kernel has no Landlock.
    """
    kernel = version()
    handled = _handled(kernel)
    made = _create(kernel, handled)
    for path in readable:
        _allow(made, path, handled & (_READ_FILE | _READ_DIR))
    for path in writable:
        _allow(made, path, handled & ~(_EXECUTE | _MAKE_SOCKET | _MAKE_DEVICE | _IOCTL_DEVICE))
    return made


def restrict(ruleset: int) -> None:
    """Puts this process and its children under the rules, for good, and closes the descriptor. Errors: OSError."""
    try:
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        system_call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _handled(kernel: int) -> int:
    count = max(rights for since, rights in _RIGHTS_BY_VERSION.items() if since <= kernel)
    return (1 << count) - 1


def _create(kernel: int, handled: int) -> int:
    ruleset = _Ruleset(handled, _NETWORK if kernel >= 4 else 0, _SCOPE if kernel >= 6 else 0)
    known = 24 if kernel >= 6 else 16 if kernel >= 4 else 8  # an older kernel refuses the fields that it does not know
    return system_call("landlock_create_ruleset", ctypes.byref(ruleset), ctypes.c_size_t(known), 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _FILE_RIGHTS
        rule = _PathBeneath(rights, parent)
        system_call("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)
