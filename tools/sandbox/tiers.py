"""The kinds of wall that a sandbox can stand on."""

from __future__ import annotations

from enum import StrEnum


class Tier(StrEnum):
    """What keeps a session in. The order is the order of preference."""

    E2B = "e2b"
    """A small virtual machine at e2b.dev, or at a server that speaks its protocol, for each tenant."""
    A = "A"
    """Namespaces, Landlock and seccomp: sees no host file, no process, no network; its disk is bounded."""
    BUBBLEWRAP = "A'"
    """Tier B inside bubblewrap, for users who may not make namespaces where bubblewrap may: sees no host file either."""
    B = "B"
    """Landlock and seccomp without namespaces, for containers and hardened hosts that allow none.

    Nothing outside the libraries can be opened, no socket, no process. But names and sizes of host files can be
    asked for, and there is no writable folder, as nothing would bound what is written there.
    """
    MONTY = "monty"
    """An interpreter of its own for a part of Python, in a process of its own: runs on every system."""


LOCAL = (Tier.A, Tier.BUBBLEWRAP, Tier.B)
"""The tiers that the sandbox of this package raises itself."""

_NO_FOLDER = "There is no network, no other process, and no folder to write files in: use io.BytesIO and io.StringIO."

NOTES = {
    Tier.E2B: "It runs on a machine of its own, without internet access.",
    Tier.A: "There is no network and no other process. Files can be written in the current folder only, and stay there.",
    Tier.BUBBLEWRAP: _NO_FOLDER,
    Tier.B: _NO_FOLDER,
    Tier.MONTY: "Only a part of Python is there: no numpy, sympy or other packages, of the standard library little more "
    "than math, re, json, datetime and typing; no files, no network.",
}
"""What the writer of code has to know of each tier."""

REMEDIES = {
    Tier.E2B: "Set E2B_API_KEY, and pip install 'flyball[e2b]'.",
    Tier.A: "Let this user make user namespaces and mount in them (Linux 5.13 or newer): on Ubuntu, give this Python an "
    "AppArmor profile with the rule 'userns,' or set kernel.apparmor_restrict_unprivileged_userns=0. Inside a container "
    "that forbids namespaces, tier B is what there is.",
    Tier.BUBBLEWRAP: "Install bubblewrap (apt-get install bubblewrap) with a profile that lets it make user namespaces; it "
    "needs what tier B needs, too.",
    Tier.B: "Use Linux 6.2 or newer with landlock among its security modules (lsm=), in a container that allows seccomp. "
    "Where the server runs as root, install Python where every user can read it, not under /root.",
    Tier.MONTY: "pip install 'flyball[monty]'.",
}
"""What makes a tier hold."""
