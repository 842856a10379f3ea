"""The filter of system calls: an allow-list, written as the small program that the kernel runs at every call."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Iterable

from .libc import PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, prctl
from .syscalls import ALLOWED, WRITING, numbers

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # the instructions used here
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16  # where the kernel puts what the program looks at
ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000  # from here on, numbers mean calls of the x32 interface, which no table here names
_MODE_FILTER = 2

_CLONE_THREAD = 0x00010000
_AF_UNIX = 1
_NAMING = (15, 16, 0x53564D41)  # PR_SET_NAME, PR_GET_NAME, PR_SET_VMA: what threads and malloc set
_HARMLESS_IOCTL = (
    0x5401,
    0x5413,
    0x541B,
    0x5421,
    0x5450,
    0x5451,
)  # is it a terminal, its size, unread, blocking, cloexec

_FILE_COMMANDS = (0, 1, 2, 3, 4, 1030)
"""Of fcntl: duplicates and flags. Not F_SETOWN and F_SETSIG, by which the kernel signals any process of the user."""
_LOCKS = (5, 6, 7, 36, 37, 38)
"""Of fcntl: locks, for those who have a folder of their own."""

Program = list[bytes]


class Filter:
    """A program in the form that the kernel takes, so that a process that was forked can install it at once."""

    def __init__(self, program: Program) -> None:
        code = b"".join(program)
        self._code = ctypes.create_string_buffer(code, len(code))
        header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(self._code))
        self._header = ctypes.create_string_buffer(header, len(header))

    def install(self) -> None:
        """Has the kernel run the program at every system call of this process, for good. Errors: OSError."""
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        prctl(PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(self._header))


def allow_list(own_pid: int, own_folder: bool) -> Program:
    """The filter for a process that may signal itself only: the calls of the allow-list, others fail with EPERM.

    `own_folder` says whether it may change files, as those that it sees are its own. Errors: OSError on a machine
    without a table.
    """
    number = numbers()
    names = (*ALLOWED, *(WRITING if own_folder else ()))
    code = begin() + _allow(number[name] for name in names if name in number)
    code += refuse(number["clone3"], errno.ENOSYS)  # then the C library takes clone, whose flags a filter can see
    code += _when_argument(number["clone"], 0, [_CLONE_THREAD], _ANY_BIT)
    code += _when_argument(number["kill"], 0, [own_pid])
    code += _when_argument(number["tgkill"], 0, [own_pid])
    code += _when_argument(number["prlimit64"], 0, [0, own_pid])
    code += _when_argument(number["prctl"], 0, _NAMING)
    code += _when_argument(number["ioctl"], 1, _HARMLESS_IOCTL)
    code += _when_argument(number["socketpair"], 0, [_AF_UNIX])
    code += _when_argument(number["fcntl"], 1, (*_FILE_COMMANDS, *(_LOCKS if own_folder else ())))
    code += _when_null(number["sendto"], 4)  # an address would reach sockets that others have bound
    return [*code, give(_ERROR | errno.EPERM)]


def begin() -> Program:
    """What every filter begins with: the number of the call is at hand, and the call is one of this machine's own."""
    machine = platform.machine()
    code = [_load(_MACHINE), _jump(_EQUAL, _MACHINES[machine], 1, 0), give(_KILL), _load(_NUMBER)]
    if machine == "x86_64":
        code += [_jump(_AT_LEAST, _X32, 0, 1), give(_KILL)]
    return code


def _allow(numbers: Iterable[int]) -> Program:
    """Allows these numbers, and leaves the others to what follows.

    The kernel tries a program on every number there is when it is installed, so each instruction counts. One for each
    end of a range: 1, 2 and 5 are `below 1? others; below 3? allow; below 5? others; below 6? allow`.
    """
    allowed = set(numbers)
    ends = sorted({n for n in allowed if n - 1 not in allowed} | {n + 1 for n in allowed if n + 1 not in allowed})
    count = len(ends)
    code = [_jump(_AT_LEAST, end, 0, count - at - at % 2) for at, end in enumerate(ends)]
    code[-1] = _jump(_AT_LEAST, ends[-1], 1, 0)  # from the last end on there is nothing to allow
    return [*code, give(ALLOW)]


def _when_argument(number: int, position: int, values: Iterable[int], test: int = _EQUAL) -> Program:
    body = [_load(_ARGUMENTS + 8 * position)]  # the low half: all of these arguments are C ints or flags below 2**32
    for value in values:
        body += [_jump(test, value, 0, 1), give(ALLOW)]
    body.append(give(_ERROR | errno.EPERM))
    return [_jump(_EQUAL, number, 0, len(body)), *body]


def _when_null(number: int, position: int) -> Program:
    low, high = _ARGUMENTS + 8 * position, _ARGUMENTS + 8 * position + 4
    body = [_load(low), _jump(_EQUAL, 0, 0, 3), _load(high), _jump(_EQUAL, 0, 0, 1), give(ALLOW)]
    body.append(give(_ERROR | errno.EPERM))
    return [_jump(_EQUAL, number, 0, len(body)), *body]


def refuse(number: int, error: int) -> Program:
    """Has one call fail."""
    return [_jump(_EQUAL, number, 0, 1), give(_ERROR | error)]


def _load(offset: int) -> bytes:
    return struct.pack("HBBI", _LOAD, 0, 0, offset)


def _jump(test: int, value: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("HBBI", test, if_true, if_false, value)


def give(action: int) -> bytes:
    """Ends the filter with what is to be done with the call, such as ALLOW."""
    return struct.pack("HBBI", _RETURN, 0, 0, action)
