"""How the memory that all sessions share is laid out."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator

from . import libc

_HUGE = 2 << 20
_MADV_COLLAPSE = 25


def settle() -> None:
    """Makes what this process holds cheap to share with those that it forks."""
    _gather()
    gc.freeze()  # a collection in a session would otherwise touch, and so copy, every object loaded here


def _gather() -> None:
    """Puts this process's own memory on huge pages, as far as the kernel can: a fork then copies a fraction of the tables.

    Measured with numpy and sympy loaded, 55 MB: a fork takes 0.9 ms of processor time instead of 2.5, and a session's
    end 2 ms less. Where the kernel cannot, nothing changes but the time.
    """
    for start, end in list(_own_ranges()):
        libc.LIBC.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_COLLAPSE)


def _own_ranges() -> Iterator[tuple[int, int]]:
    """Writable memory that is no file's, in whole huge pages."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        for line in file:
            addresses, mode, _, _, inode, *name = line.split()
            if mode == "rw-p" and inode == "0" and name in ([], ["[heap]"]):
                first, last = (int(word, 16) for word in addresses.split("-"))
                start, end = -(-first // _HUGE) * _HUGE, last // _HUGE * _HUGE
                if start < end:
                    yield start, end
