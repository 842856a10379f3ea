"""What every tier offers, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .result import CellResult
from .tiers import Tier

OnOutput = Callable[[str, str], object]
"""Called with the stream's name and a piece of text while a cell runs."""


class CellSession(Protocol):
    """Keeps variables from cell to cell."""

    @property
    def alive(self) -> bool:
        """Whether it takes another cell."""

    async def run(self, code: str, timeout: float = 30.0, on_output: OnOutput | None = None) -> CellResult:
        """Runs a cell for about `timeout` seconds. Errors: SandboxError when the session has ended before."""

    async def close(self) -> None:
        """Ends it, also in the middle of a cell."""

    def memory_bytes(self) -> int:
        """Memory of this machine that it takes, as far as that is known."""


class Backend(Protocol):
    """Starts sessions. To add a tier, add an implementation and its line in `opening.py`."""

    @property
    def tier(self) -> Tier:
        """The tier that it stands on."""

    @property
    def bounded_by(self) -> str:
        """What keeps all sessions together to their memory: `cgroup`, `watch`, `interpreter` or `machine`."""

    @property
    def modules(self) -> tuple[str, ...]:
        """What a session finds loaded."""

    async def create(self, tenant: str = "") -> CellSession:
        """A new session for a tenant. Errors: SandboxError when there is none to be had."""

    async def close(self) -> None:
        """Ends every session, for good."""
