"""What a controller may ask beside its trajectory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from ..core.model import ModelReply
from ..tools.result import Result
from .probing import ProbeReply

SELF = "self"
"""What the served model is called among the auxiliary ones, and in the log of a probe."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What an auxiliary model is asked."""

    messages: tuple[Mapping[str, str], ...]
    max_tokens: int
    temperature: float = 0.0
    first_token_logprobs: int = 0
    """Report so many of the likeliest first tokens."""


class SideCalls(Protocol):
    """What a controller may ask beside its trajectory. All return what a `Pending` waits for; nothing runs before."""

    def ask(self, model: str, question: Question) -> Callable[[], Awaitable[ModelReply]]:
        """Ask an auxiliary model by its name. The awaited errors: RequestError, EngineError and its kinds."""
        ...

    def probe(
        self,
        text: str,
        *,
        max_tokens: int,
        temperature: float = 0.0,
        top_p: float | None = None,
        until: Callable[[str], bool] | None = None,
    ) -> Callable[[], Awaitable[ProbeReply]]:
        """What the served model goes on with behind `text`, appended at the boundary that is asked about."""
        ...

    def run(self, tool: str, arguments: Mapping[str, Any]) -> Callable[[], Awaitable[Result]]:
        """Call a tool of the server's on the trajectory's behalf; it is paid like any call, and kept nowhere."""
        ...
