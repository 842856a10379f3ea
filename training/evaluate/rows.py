"""One row per request: the raw data of a run."""

from __future__ import annotations

from typing import Any

import msgspec

from ...core.ledger import USD, tool_calls

Key = tuple[str, str, int]
"""Question, arm, sample."""


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


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict took, where a model gave it."""

    prompt_tokens: int
    completion_tokens: int
    usd: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one request gave, and the verdict on it. What the server did not tell is None."""

    question: str
    arm: str
    sample: int
    seed: int
    error: str | None = None
    """The request failed: there is nothing to grade."""
    seconds: float
    content: str | None = None
    finish: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    tokens: Tokens | None = None
    """None from a server that is not Flyball."""
    acted: list[Any] = []
    ledger: dict[str, Any] | None = None
    trace_id: str | None = None
    votes: int | None = None
    """Samples that voted; the row was then made of theirs, and not asked."""
    grader: str | None = None
    """Who gave the verdict; None: nobody has."""
    correct: bool | None = None
    """None: failed or ungraded, which is neither right nor wrong."""
    answer: str | None = None
    """What was read as its answer."""
    why: str | None = None
    """Why it is ungraded, or what was wrong."""
    grading: Cost | None = None

    @property
    def calls(self) -> int | None:
        """Calls of tools that the server made; None where it keeps no ledger."""
        if self.ledger is None:
            return None
        prefix = tool_calls("")
        return round(sum(float(item["spent"]) for name, item in self.ledger.items() if name.startswith(prefix)))

    @property
    def sampled(self) -> int | None:
        """Tokens sampled on behalf of the request: of every kind where the server tells, else those of the completion."""
        return self.completion_tokens if self.tokens is None else self.tokens.total

    @property
    def usd(self) -> float | None:
        """Dollars by the server's own ledger."""
        item = (self.ledger or {}).get(USD)
        return None if item is None else float(item["spent"])

    @property
    def ungraded(self) -> bool:
        """Answered, but the grader failed."""
        return self.error is None and self.correct is None

    @property
    def key(self) -> Key:
        """That of its job."""
        return self.question, self.arm, self.sample
