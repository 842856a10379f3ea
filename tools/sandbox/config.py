"""How a sandbox is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .e2b.config import E2bConfig
from .limits import Limits
from .tiers import Tier

_LAST_UID = 2**31 - 1


@dataclass(frozen=True)
class SandboxConfig:
    """A sandbox before it starts.

    Example: `SandboxConfig(preload=("numpy", "matplotlib.pyplot"), limits=Limits(memory_mib=1024))`.
    """

    tier: Tier | None = None
    """The wall to stand on; None takes the best that holds on this system."""
    preload: tuple[str, ...] = ("numpy", "sympy")
    """Modules that every session finds loaded; those that are not installed are skipped and named."""
    limits: Limits = field(default_factory=Limits)
    max_sessions: int = 512
    """Sessions at once."""
    memory_mib: int | None = None
    """Memory of all sessions together beyond what they share, in MiB; above it the largest are killed. None: half of the
    machine's."""
    cgroup: Path | None = None
    """Folder of a cgroup v2 that is this server's to divide and has no process in it, only groups; `memory_mib` and threads
    of all sessions are then kept by the kernel, too. None: no cgroup."""
    grace_seconds: float = 0.5
    """How long a cell may go on after its interrupt before its session is killed."""
    start_seconds: float = 60.0
    """How long loading the modules, and starting one session, may take."""
    e2b: E2bConfig = field(default_factory=E2bConfig)
    """For tier e2b."""
    first_uid: int = 60_000
    """Where the server runs as root: sessions run as this user id and those after it, up to `max_sessions`."""

    def __post_init__(self) -> None:
        if not 1 <= self.max_sessions <= 5000:
            raise ValueError(f"max_sessions must be between 1 and 5000, not {self.max_sessions}")
        if self.grace_seconds <= 0 or self.start_seconds <= 0:
            raise ValueError("grace_seconds and start_seconds must be above 0")
        if self.memory_mib is not None and self.memory_mib < 1:
            raise ValueError(f"memory_mib must be above 0, not {self.memory_mib}")
        if not 1 <= self.first_uid <= _LAST_UID - self.max_sessions:
            raise ValueError(f"first_uid must be between 1 and {_LAST_UID - self.max_sessions}, not {self.first_uid}")
