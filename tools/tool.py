"""A tool: typed arguments in, a result out."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from ..core.decision import Decision
from ..core.ledger import Ledger
from .result import Result

OnOutput = Callable[[str], None]
"""Called with output while the tool still runs."""

OnDecision = Callable[[Decision], None]
"""Called with a choice that was made on the caller's behalf, for its log."""


class Effect(StrEnum):
    """What a call changes, which decides what may be repeated."""

    PURE = "pure"
    """Nothing, and equal arguments always give the same: answers may be kept."""
    READ_ONLY = "read_only"
    """Nothing, but the answer may change: may be retried, is not kept."""
    SIDE_EFFECTS = "side_effects"
    """Something: runs at most once, and only when nothing can take the call back."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model and the router are told of a tool."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments, an object's."""
    effect: Effect = Effect.SIDE_EFFECTS
    usd: float = 0.0
    """Price of one call."""
    timeout: float = 30.0
    """Seconds after which a call is given up."""
    batch: str | None = None
    """An argument that may be a list, each entry of which counts, and costs, as one call. None: a call is one."""

    def units(self, arguments: Mapping[str, Any]) -> int:
        """How many calls these arguments count as.

        Example: with batch="query", {"query": ["a", "b", "c", "d"]} counts as 4, {"query": "a"} and {"query": []} as 1.
        """
        given = None if self.batch is None else arguments.get(self.batch)
        return max(1, len(given)) if isinstance(given, list | tuple) else 1


@dataclass(frozen=True, slots=True)
class CallContext:
    """On whose behalf a call is made."""

    session: str
    """Whose state the call finds: a trajectory's, or a client's under its API key. None reaches another's."""
    call_id: str = ""
    ledger: Ledger = field(default_factory=Ledger)
    deadline: float = math.inf
    """When the caller stops waiting, in the event loop's time."""
    on_output: OnOutput | None = None
    on_decision: OnDecision | None = None
    tools: Collection[str] | None = None
    """Names of all tools that the caller may call; None: not known."""


class Tool(Protocol):
    """Something that a model may call; a wrapper is a Tool around a Tool.

    To add one, add a file here. `call` gets arguments that fit the schema and returns a Result for everything that the
    model should read; `ToolError` is another way to say so. Any other exception is a fault of the tool. Cancelling a
    call stops it.
    """

    @property
    def spec(self) -> ToolSpec:
        """What a model is told."""

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call."""

    async def end_session(self, session: str) -> None:
        """Frees what was kept under that key; nothing where there is nothing."""

    async def close(self) -> None:
        """Frees everything; no call follows."""
