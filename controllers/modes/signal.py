"""What a choice is based on, found out before a trajectory is rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..controller import Plan
from ..opening import Desk


class Signal(Protocol):
    """Gives named numbers. What could not be found out is left out, and the response says why."""

    async def read(self, plan: Plan, desk: Desk) -> Mapping[str, float]: ...


class Nothing:
    """No more than what is known of every question."""

    async def read(self, plan: Plan, desk: Desk) -> Mapping[str, float]:
        """Part of `Signal`."""
        return {}
