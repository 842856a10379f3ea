"""Python for models: code that nobody vouches for, run where it can do no harm."""

from ..result import Status
from .config import SandboxConfig
from .limits import Limits
from .probe import TierReport, best_tier, open_sandbox, probe
from .result import CellResult
from .sandbox import Sandbox
from .session import Session
from .sessions import Retention, Sessions
from .tiers import Tier

__all__ = [
    "CellResult",
    "Limits",
    "Retention",
    "Sandbox",
    "SandboxConfig",
    "Session",
    "Sessions",
    "Status",
    "Tier",
    "TierReport",
    "best_tier",
    "open_sandbox",
    "probe",
]
