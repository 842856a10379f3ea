"""A call that failed without anybody's fault is made again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ...core.errors import ConfigError
from ..result import Result, Status
from ..tool import CallContext, Effect, Tool
from .base import Wrapper

Sleep = Callable[[float], Awaitable[object]]


class Retry(Wrapper):
    """Repeats a call whose status is `infra`, at most `attempts` times in all, and never beyond its deadline.

    Before the n-th repetition it waits between a half and the whole of `backoff` · 2^(n-1) seconds, at random, so that
    many callers do not come back at once. Errors: ConfigError for a tool with side effects.

    Example: attempts=3, backoff=0.1 waits 0.05 to 0.1 s, then 0.1 to 0.2 s.
    """

    def __init__(
        self,
        inner: Tool,
        *,
        attempts: int = 3,
        backoff: float = 0.1,
        sleep: Sleep = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(inner)
        if inner.spec.effect is Effect.SIDE_EFFECTS:
            raise ConfigError(f"tool {inner.spec.name!r} has side effects: a call of it cannot be repeated")
        self._attempts, self._backoff = attempts, backoff
        self._sleep, self._chance = sleep, chance

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """The first result that is not `infra`, or the last one."""
        clock = asyncio.get_running_loop().time
        for attempt in range(1, self._attempts):
            result = await self.inner.call(arguments, context)
            pause = self._backoff * 2 ** (attempt - 1) * (0.5 + self._chance() / 2)
            if result.status is not Status.INFRA or clock() + pause >= context.deadline:
                return result
            await self._sleep(pause)
        return await self.inner.call(arguments, context)
