"""What is tried in a sandbox before it is trusted: honest code has to work, and every attack to fail."""

from __future__ import annotations

from dataclasses import dataclass

from .tiers import Tier


@dataclass(frozen=True)
class Trial:
    """Cells to run; `canary` is the name of a file of the host."""

    honest: str
    """Its value has to be 45."""
    attacks: str
    """Its value is the list of the attacks that got through."""


_HONEST = "import colorsys, sqlite3\nsum(range(10))"

_BEGIN = """
got_through = []

def attempt(name, act):
    try:
        act()
    except OSError:
        return
    got_through.append(name)

attempt("reading a file of the host", lambda: open(canary).close())
"""

_ATTACKS = f"""
import ctypes, os, socket
{_BEGIN}
def fork():
    if os.fork() == 0:
        os._exit(0)

def unshare():
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):
        raise OSError

attempt("writing a file of the host", lambda: open(canary, "a").close())
attempt("changing the mode of a file of the host", lambda: os.chmod(canary, 0o600))
attempt("opening a socket", lambda: socket.socket().close())
attempt("starting a process", fork)
attempt("signalling every process", lambda: os.kill(-1, 0))
attempt("making a user namespace", unshare)
got_through
"""

_LOCAL = Trial(_HONEST, _ATTACKS)

TRIALS = {
    Tier.E2B: Trial(_HONEST, f"{_BEGIN}\ngot_through"),  # a machine may do in itself what it likes
    Tier.A: _LOCAL,
    Tier.BUBBLEWRAP: _LOCAL,
    Tier.B: _LOCAL,
    Tier.MONTY: Trial(
        "sum(range(10))", f"import os\n{_BEGIN}\nattempt('listing a folder', lambda: os.listdir('/'))\ngot_through"
    ),
}
