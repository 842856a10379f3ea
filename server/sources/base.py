"""A source of tools: it may have something to start, and to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ...tools.tool import Tool

Put = Callable[[Sequence[Tool]], None]
"""Says which tools a source offers from here on, in place of what it offered before."""


class Source(Protocol):
    """Gives tools. To add one, add a file here, and its line in `all_sources`.

    What is wrong with its configuration is found when it is made (ConfigError); nothing runs before `start`.
    """

    name: str
    """Under which /health tells of it."""
    tools: tuple[Tool, ...]
    """Those that are known before the start."""

    def may_offer(self, name: str) -> bool:
        """Whether a tool of this name may come once it has started."""

    async def start(self, put: Put) -> None:
        """Start what has to be started; what does not start is said in `health`, and keeps nobody from starting."""

    def health(self) -> Mapping[str, Any] | None:
        """How it is, as JSON; None when there is nothing to tell."""

    async def close(self) -> None:
        """Stop what was started, also in the middle of `start`. The tools are closed by the registry."""


class Ready:
    """Tools that need no start."""

    def __init__(self, name: str, *tools: Tool) -> None:
        self.name, self.tools = name, tools

    def may_offer(self, name: str) -> bool:
        """Nothing more comes."""
        return False

    async def start(self, put: Put) -> None:
        """There is nothing to do."""

    def health(self) -> None:
        """There is nothing to tell."""

    async def close(self) -> None:
        """Nothing runs."""
