"""A call ends in time, also one that does not heed its cancellation."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..result import Result, Status, Usage
from ..tool import CallContext, Tool
from .base import Wrapper

logger = logging.getLogger(__name__)


class Timeout(Wrapper):
    """Gives a call up after the tool's own timeout, or when the caller's deadline comes first.

    A call that is given up, or whose caller is cancelled, has `grace` seconds to end. One that runs on is a stray: it is
    left alone, and keeps nobody waiting, the end of the process included. With `most_strays` of them further calls are
    `infra`, until one ends.
    """

    def __init__(self, inner: Tool, *, grace: float = 2.0, most_strays: int = 64) -> None:
        super().__init__(inner)
        self._grace, self._most_strays = grace, most_strays
        self._strays: set[asyncio.Task[Result]] = set()

    @property
    def strays(self) -> int:
        """Calls that run on although they were cancelled."""
        return len(self._strays)

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call; its status is `timeout` when it was cancelled for being late."""
        clock = asyncio.get_running_loop().time
        began = clock()
        deadline = min(context.deadline, began + self.spec.timeout)
        if deadline <= began:
            return Result(Status.TIMEOUT, f"No time is left for a call of {self.spec.name!r}.")
        if self.strays >= self._most_strays:
            return Result(Status.INFRA, f"{self.spec.name!r} is out of order: too many of its calls do not end.")
        work = asyncio.create_task(_result(self.inner, arguments, replace(context, deadline=deadline)))
        try:
            await asyncio.wait([work], timeout=None if deadline == math.inf else deadline - began)
        except asyncio.CancelledError:
            await self._stop(work)
            raise
        if work.done():
            return work.result()
        await self._stop(work)
        seconds = clock() - began
        return Result(
            Status.TIMEOUT,
            f"{self.spec.name!r} was stopped: it was still running after {seconds:.3g} s.",
            usage=Usage(seconds),
        )

    async def _stop(self, work: asyncio.Task[Result]) -> None:
        work.cancel()
        try:
            await asyncio.wait([work], timeout=self._grace)
        finally:
            if not work.done():
                self._abandon(work)
            elif not work.cancelled():
                work.exception()  # nobody wants it any more, and asyncio is not to complain

    def _abandon(self, work: asyncio.Task[Result]) -> None:
        self._strays.add(work)
        work.add_done_callback(self._ended)
        asyncio.tasks._unregister_task(work)  # else the event loop would wait for it at its end
        logger.error("a call of tool %s does not heed its cancellation; %d of them run", self.spec.name, self.strays)

    def _ended(self, work: asyncio.Task[Result]) -> None:
        self._strays.discard(work)
        if not work.cancelled():
            work.exception()


async def _result(tool: Tool, arguments: Mapping[str, Any], context: CallContext) -> Result:
    return await tool.call(arguments, context)
