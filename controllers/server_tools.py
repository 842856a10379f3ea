"""The tools that the server runs for a request, beside those of the client."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..core.decision import Decision
from ..tools.tool import Effect, Tool, ToolSpec


class ServerTools(msgspec.Struct, frozen=True, kw_only=True):
    """The tools that the server runs for a request; calls of all other names but the client's are answered, too."""

    tools: Mapping[str, Tool]
    offered: tuple[ToolSpec, ...] | None = None
    """What the model is told of at the start; None: of all."""
    decisions: tuple[Decision, ...] = ()
    """The choice of what is offered, for every trajectory's log."""
    client: frozenset[str] = frozenset()
    """Names of the client's own tools."""
    fenced: str | None = None
    """The tool that runs code between fences in the thinking; None: such code is text."""
    only_fenced: bool = False
    """The model is not told of the tool that runs code between fences."""
    max_rounds: int = 32
    """How often results are appended to one trajectory; then the model is told to answer."""
    grace: float = 5.0
    """Seconds for which a tool that was cancelled is waited for; after that it is left alone."""
    call_limit: int | None = None
    """How many calls are made for one trajectory; of the others the model is told to answer. None: no such limit."""

    @property
    def told(self) -> list[ToolSpec]:
        """What the model is told of at the start."""
        specs = [tool.spec for tool in self.tools.values()] if self.offered is None else self.offered
        hidden = self.fenced if self.only_fenced else None
        return [spec for spec in specs if spec.name != hidden]

    def runs(self, name: str) -> bool:
        """Whether a call of this name is the server's: a name that nobody knows gets an error as its result."""
        return name not in self.client

    def has_side_effects(self, name: str) -> bool:
        """Whether such a call waits until nothing can take it back any more."""
        tool = self.tools.get(name)
        return tool is not None and tool.spec.effect is Effect.SIDE_EFFECTS
