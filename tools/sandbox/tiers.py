"""The kinds of wall that a sandbox can stand on."""

from __future__ import annotations

from enum import StrEnum


class Tier(StrEnum):
    """What keeps a session in. The order is the order of preference."""

    A = "A"
    """Namespaces, Landlock and seccomp: sees no host file, no process, no network; its disk is bounded."""
    B = "B"
    """Landlock and seccomp without namespaces, for containers and hardened hosts that allow none.

    Nothing outside the libraries can be opened, no socket, no process. But names and sizes of host files can be
    asked for, and there is no writable folder, as nothing would bound what is written there.
    """
