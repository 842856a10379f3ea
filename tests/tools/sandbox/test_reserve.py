"""The memory kept back from cells."""

from __future__ import annotations

import subprocess
import sys

from .as_user import ROOT

SCRIPT = """
import resource, tracemalloc
from flyball.tools.sandbox.jail.reserve import Reserve

def taken(act):
    act()  # what Python keeps of a first call is there afterwards
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    act()
    return tracemalloc.get_traced_memory()[1] - before

resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))
reserve = Reserve()
tracemalloc.start()
own = taken(int)
print(taken(reserve.release) - own, taken(reserve.hold) - own, resource.getrlimit(resource.RLIMIT_AS)[0])
"""


def test_to_release_the_reserve_takes_no_memory() -> None:
    """A cell that has left none must still be told of as `oom`."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert ran.stdout.split() == ["0", "0", str((1 << 40) - (16 << 20))]
