"""How machines are rented."""

from __future__ import annotations

import os
from dataclasses import dataclass, field


@dataclass(frozen=True)
class E2bConfig:
    """Which service, how many machines, and for how long.

    Example: with machines=2 and sessions_per_machine=10, two tenants can have ten sessions each, and a third has to wait
    until one of them has none.
    """

    api_key: str | None = field(default_factory=lambda: os.environ.get("E2B_API_KEY") or None, repr=False)
    """None: the environment's E2B_API_KEY; the tier is not there where that is not set either."""
    domain: str | None = None
    """None: the environment's E2B_DOMAIN, or e2b.app."""
    template: str | None = None
    """None: the service's own machine for running code."""
    machines: int = 8
    """Machines at once. Services limit them: e2b.dev to 20 without a paid plan."""
    sessions_per_machine: int = 16
    """All of one tenant: sessions on one machine can reach each other."""
    machine_seconds: int = 120
    """How long a machine lives without a sign of life from here: what a killed server leaves costs no more than that."""
    request_seconds: float = 30.0
    """How long a request that runs no code may take, its retries after 429 and 503 included."""
    internet: bool = False
    """Whether code may reach the internet."""

    def __post_init__(self) -> None:
        for name in ("machines", "sessions_per_machine", "machine_seconds", "request_seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")
