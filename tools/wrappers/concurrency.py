"""No more calls at once than a tool can take."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..result import Result, Status
from ..tool import CallContext, Tool
from .base import Wrapper


class Concurrency(Wrapper):
    """At most `limit` calls run; others wait in line, at most `wait` seconds and not beyond their deadline.

    One that waited in vain is answered with `infra`: that the tool is busy is not the caller's doing.
    """

    def __init__(self, inner: Tool, *, limit: int = 16, wait: float = 10.0) -> None:
        super().__init__(inner)
        self._free = asyncio.Semaphore(limit)
        self._wait = wait

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call, when its turn comes."""
        try:
            async with asyncio.timeout_at(min(context.deadline, asyncio.get_running_loop().time() + self._wait)):
                await self._free.acquire()
        except TimeoutError:
            return Result(Status.INFRA, f"{self.spec.name!r} is busy with other calls. Try again later.")
        try:
            return await self.inner.call(arguments, context)
        finally:
            self._free.release()
