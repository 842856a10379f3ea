"""A Tool around a Tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..memory import memory_of
from ..result import Result
from ..tool import CallContext, Tool, ToolSpec


class Wrapper:
    """Hands everything on to the tool inside; a wrapper overrides what it changes."""

    def __init__(self, inner: Tool) -> None:
        self.inner = inner

    @property
    def spec(self) -> ToolSpec:
        """The inner tool's."""
        return self.inner.spec

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call of the inner tool."""
        return await self.inner.call(arguments, context)

    def memory(self) -> Mapping[str, int]:
        """What the inner tool keeps, as far as it says so."""
        return memory_of([self.inner])

    async def end_session(self, session: str) -> None:
        """Ends the inner tool's session."""
        await self.inner.end_session(session)

    async def close(self) -> None:
        """Closes the inner tool."""
        await self.inner.close()
