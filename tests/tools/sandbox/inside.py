"""Coverage of what runs behind the wall: the zygote and its sessions note the lines that they run in a file opened before it."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from coverage import Coverage, CoverageData

from flyball.tools.sandbox import zygote_process
from flyball.tools.sandbox.zygote_process import ZygoteProcess

_LENGTH = struct.Struct(">I")
_BOOT = """
import os, struct, sys
sys.path.insert(0, sys.argv[2])
import coverage
notes = os.open({notes!r}, os.O_WRONLY | os.O_APPEND)
collector = coverage.Coverage(data_file=None, branch=True, include=["*/tools/sandbox/*"], config_file=False)
collector.start()
from flyball.tools.sandbox.jail import zygote
sys.path.remove(sys.argv[2])

def leave(status, leave=os._exit):
    collector.stop()
    body = collector.get_data().dumps()
    os.write(notes, struct.pack(">I", len(body)) + body)
    leave(status)

os._exit = leave
close_all_but = zygote._close_all_but
zygote._close_all_but = lambda *kept: close_all_but(*kept, notes)
zygote.main(int(sys.argv[1]))
leave(0)
"""


@contextmanager
def noted(notes: Path) -> Iterator[None]:
    """Zygotes that start inside take notes, which are added to the coverage of this run, if there is any.

    They have to end by themselves: what is killed takes its notes with it.
    """
    notes.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zygote_process, "_BOOT", _BOOT.format(notes=str(notes)))
        patch.setattr(ZygoteProcess, "_kill", _let_go)
        yield
    measured = Coverage.current()
    for data in _read(notes.read_bytes()):
        if measured is not None:
            measured.get_data().update(data)


def _let_go(zygote: ZygoteProcess) -> None:
    """The host's end of the connection is closed already."""
    if zygote._descriptor is not None:
        os.close(zygote._descriptor)


def _read(notes: bytes) -> Iterator[CoverageData]:
    while notes:
        (length,) = _LENGTH.unpack_from(notes)
        body, notes = notes[_LENGTH.size : _LENGTH.size + length], notes[_LENGTH.size + length :]
        data = CoverageData(no_disk=True)
        data.loads(body)
        yield data
