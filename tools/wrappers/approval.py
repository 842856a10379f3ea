"""Somebody is asked before a call is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..result import Result, Status
from ..tool import CallContext, Tool, ToolSpec
from .base import Wrapper

Approve = Callable[[ToolSpec, Mapping[str, Any], CallContext], Awaitable[bool]]
"""Whether this call may be made."""


class Approval(Wrapper):
    """Makes a call only after `approve` said yes; it may take until the caller's deadline. A failing one says no."""

    def __init__(self, inner: Tool, approve: Approve) -> None:
        super().__init__(inner)
        self._approve = approve

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call, if it is approved."""
        try:
            async with asyncio.timeout_at(context.deadline) as scope:
                approved = await self._approve(self.spec, arguments, context)
        except TimeoutError:
            if not scope.expired():
                raise
            return Result(Status.TIMEOUT, f"Nobody approved the call of {self.spec.name!r} in time. It was not made.")
        if not approved:
            return Result(Status.USER_ERROR, f"The call of {self.spec.name!r} was not approved. It was not made.")
        return await self.inner.call(arguments, context)
