"""A tool that keeps failing is left alone for a while."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..result import Result, Status
from ..tool import CallContext, Tool
from .base import Wrapper


class Breaker(Wrapper):
    """After `failures` results in a row with status `infra`, answers `infra` at once for `cooldown` seconds.

    Then one call is let through to try: if it fails too, the cooldown begins again, else all is as before. Other
    statuses are the callers' doing and count as success: the tool worked.
    """

    def __init__(
        self,
        inner: Tool,
        *,
        failures: int = 5,
        cooldown: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._most, self._cooldown, self._clock = failures, cooldown, clock
        self._failures = 0
        self._open_until = -math.inf
        self._trying = False

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call, unless the tool is being left alone."""
        if self._failures < self._most:
            return self._noted(await self.inner.call(arguments, context))
        if self._trying or self._clock() < self._open_until:
            return Result(Status.INFRA, f"{self.spec.name!r} is out of order for the moment. Go on without it.")
        self._trying = True
        try:
            return self._noted(await self.inner.call(arguments, context))
        finally:
            self._trying = False

    def _noted(self, result: Result) -> Result:
        if result.status is not Status.INFRA:
            self._failures = 0
            return result
        self._failures += 1
        if self._failures >= self._most:
            self._open_until = self._clock() + self._cooldown
        return result
