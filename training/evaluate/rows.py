"""One row per request: the raw data of a run."""

from __future__ import annotations

from typing import Any

import msgspec

from ...core.ledger import tool_calls


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one request by what became of them; `thinking` are a part of `kept`."""

    kept: int
    thinking: int
    injected: int
    dropped: int
    auxiliary: int

    @property
    def total(self) -> int:
        """What was sampled on behalf of the request. Injected tokens were written, not sampled, and stand apart."""
        return self.kept + self.dropped + self.auxiliary


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one request gave. With an `error` it counts as wrong, and what the server did not tell is None."""

    question: str
    arm: str
    sample: int
    seed: int
    correct: bool
    error: str | None = None
    seconds: float
    content: str | None = None
    finish: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    tokens: Tokens | None = None
    """None from a server that is not Flyball."""
    acted: list[Any] = []
    ledger: dict[str, Any] | None = None
    trace_id: str | None = None

    @property
    def calls(self) -> int | None:
        """Calls of tools that the server made; None where it keeps no ledger."""
        if self.ledger is None:
            return None
        prefix = tool_calls("")
        return round(sum(float(item["spent"]) for name, item in self.ledger.items() if name.startswith(prefix)))

    @property
    def key(self) -> tuple[str, str, int]:
        """That of its job."""
        return self.question, self.arm, self.sample
