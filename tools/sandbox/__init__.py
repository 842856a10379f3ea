"""Python for models: code that nobody vouches for, run where it can do no harm."""

from ..result import Status
from .backend import Backend, CellSession
from .config import SandboxConfig
from .limits import Limits
from .metrics import Metrics
from .probe import TierReport, best_tier, open_sandbox, probe, probe_all
from .result import CellResult
from .sandbox import Sandbox
from .session import Session
from .sessions import Retention, Sessions
from .tiers import Tier

__all__ = [
    "Backend",
    "CellResult",
    "CellSession",
    "Limits",
    "Metrics",
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
    "probe_all",
]
