"""Tools by name."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping

from ..core.errors import ConfigError
from .tool import Tool, ToolSpec
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
        for tool in tools:
            self.add(tool)

    def add(self, tool: Tool) -> None:
        """One tool more."""
        name = tool.spec.name
        if not NAME.fullmatch(name):
            raise ConfigError(f"{name!r} cannot name a tool: 1 to 64 letters, digits, _ and - can")
        if name in self._tools:
            raise ConfigError(f"there are two tools {name!r}; a tool's name must be its own")
        self._tools[name] = self._wrap(tool)

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)

    def specs(self) -> list[ToolSpec]:
        """What a model and the router are told of each."""
        return [tool.spec for tool in self._tools.values()]

    async def end_session(self, session: str) -> None:
        """Frees what any tool keeps under that key. A tool that fails at it is logged and does not keep the others."""
        await self._of_all("end a session of", [tool.end_session(session) for tool in self._tools.values()])

    async def close(self) -> None:
        """Closes every tool, in the same manner."""
        await self._of_all("close", [tool.close() for tool in self._tools.values()])

    async def _of_all(self, what: str, doing: Iterable[Coroutine[object, object, None]]) -> None:
        outcomes = await asyncio.gather(*doing, return_exceptions=True)
        for name, outcome in zip(self._tools, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                logger.error("could not %s tool %s", what, name, exc_info=outcome)
