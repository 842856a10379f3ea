"""Tools by name."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any

from ..core.errors import ConfigError
from .memory import memory_of
from .result import Result
from .tool import CallContext, Tool, ToolSpec
from .wrappers.base import Wrapper
from .wrappers.checked import Checked

logger = logging.getLogger(__name__)

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What OpenAI's API takes for a name."""


class Registry(Mapping[str, Tool]):
    """Every tool that can be called, in the order in which they came; `wrap` is put around each.

    Errors: ConfigError for a name that is taken or not 1 to 64 letters, digits, _ and -, and for a schema that is none.
    """

    def __init__(self, tools: Iterable[Tool] = (), *, wrap: Callable[[Tool], Tool] = Checked) -> None:
        self._wrap = wrap
        self._tools: dict[str, Tool] = {}
        self._called: dict[str, set[str]] = {}
        for tool in tools:
            self.add(tool)

    def add(self, tool: Tool) -> None:
        """One tool more."""
        name = tool.spec.name
        if not NAME.fullmatch(name):
            raise ConfigError(f"{name!r} cannot name a tool: 1 to 64 letters, digits, _ and - can")
        if name in self._tools:
            raise ConfigError(f"there are two tools {name!r}; a tool's name must be its own")
        self._tools[name] = _Noted(self._wrap(tool), self._called)

    def remove(self, name: str) -> None:
        """One tool less: calls that run go on; it is neither told of a session's end nor closed. Errors: KeyError."""
        del self._tools[name]

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)

    def specs(self) -> list[ToolSpec]:
        """What a model and the router are told of each."""
        return [tool.spec for tool in self._tools.values()]

    def memory(self) -> dict[str, int]:
        """Bytes that tools keep, by the session's key; of those that can say so."""
        return memory_of(self._tools.values())

    async def end_session(self, session: str) -> None:
        """Frees what tools keep under that key. One that fails at it is logged and does not keep the others from it."""
        called = [self._tools[name] for name in sorted(self._called.pop(session, ())) if name in self._tools]
        await _of_all("end a session of", {tool: tool.end_session(session) for tool in called})

    async def close(self) -> None:
        """Closes every tool, in the same manner."""
        await _of_all("close", {tool: tool.close() for tool in self._tools.values()})


class _Noted(Wrapper):
    """Notes which sessions called the tool: of ten thousand tools, a session's end concerns a few."""

    def __init__(self, inner: Tool, called: dict[str, set[str]]) -> None:
        super().__init__(inner)
        self._called = called

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        self._called.setdefault(context.session, set()).add(self.spec.name)
        return await self.inner.call(arguments, context)


async def _of_all(what: str, doing: Mapping[Tool, Coroutine[object, object, None]]) -> None:
    outcomes = await asyncio.gather(*doing.values(), return_exceptions=True)
    for tool, outcome in zip(doing, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            logger.error("could not %s tool %s", what, tool.spec.name, exc_info=outcome)
