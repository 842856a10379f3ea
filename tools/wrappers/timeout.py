"""A call ends in time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..result import Result, Status, Usage
from ..tool import CallContext
from .base import Wrapper


class Timeout(Wrapper):
    """Gives a call up after the tool's own timeout, or when the caller's deadline comes first."""

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call; its status is `timeout` when it was cancelled for being late."""
        clock = asyncio.get_running_loop().time
        began = clock()
        deadline = min(context.deadline, began + self.spec.timeout)
        if deadline <= began:
            return Result(Status.TIMEOUT, f"No time is left for a call of {self.spec.name!r}.")
        try:
            async with asyncio.timeout_at(deadline) as scope:
                return await self.inner.call(arguments, replace(context, deadline=deadline))
        except TimeoutError:
            if not scope.expired():
                raise
        seconds = clock() - began
        return Result(
            Status.TIMEOUT,
            f"{self.spec.name!r} was stopped: it was still running after {seconds:.3g} s.",
            usage=Usage(seconds),
        )
