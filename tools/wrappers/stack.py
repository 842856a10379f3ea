"""The standard order of wrappers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..tool import Effect, Tool
from .approval import Approval, Approve
from .breaker import Breaker
from .cache import Cache
from .charge import Charge
from .checked import Checked
from .concurrency import Concurrency
from .guard import Guard
from .output_cap import OutputCap
from .retry import Retry
from .timeout import Timeout


@dataclass(frozen=True, slots=True)
class StackSettings:
    """How the standard wrappers are set."""

    attempts: int = 3
    """Calls in all when one fails without fault; 1: no repetition."""
    concurrency: int = 16
    """Calls of one tool that run at once."""
    wait: float = 10.0
    """Seconds that a call waits for its turn."""
    failures: int = 5
    """So many failures in a row, and the tool is left alone."""
    cooldown: float = 10.0
    """Seconds for which it is."""
    output_characters: int = 16_000
    """Longer results are cut in the middle."""
    cache_entries: int = 1024
    """Answers kept per pure tool; 0: none."""
    cache_shared: bool = False
    """Whether one session's answers serve others."""


def stacked(
    tool: Tool,
    settings: StackSettings | None = None,
    *,
    others: Callable[[], Iterable[str]] = tuple,
    approve: Approve | None = None,
) -> Tool:
    """The tool inside the standard wrappers; `others` names the tools that a refusal may point to.

    From the outside in, each with the reason for its place:

    1. Checked: a wrong call costs nothing, asks nobody, and everything inside may rely on the arguments.
    2. Cache (pure tools): a kept answer costs nothing; it is kept as it was cut.
    3. OutputCap: what comes back is bounded, whoever inside made it.
    4. Approval: before money is spent.
    5. Charge: a call is paid once, however often it is repeated inside.
    6. Concurrency: waiting for a turn is no running time.
    7. Breaker: inside, as a busy tool is not a failing one; a call counts as one failure, however often it was tried.
    8. Timeout: around all repetitions together.
    9. Retry (tools without side effects).
    10. Guard: everything outside sees results, no exceptions.

    Errors: ConfigError for a schema that is none.
    """
    settings = settings or StackSettings()
    wrapped: Tool = Guard(tool)
    if tool.spec.effect is not Effect.SIDE_EFFECTS and settings.attempts > 1:
        wrapped = Retry(wrapped, attempts=settings.attempts)
    wrapped = Timeout(wrapped)
    wrapped = Breaker(wrapped, failures=settings.failures, cooldown=settings.cooldown)
    wrapped = Concurrency(wrapped, limit=settings.concurrency, wait=settings.wait)
    wrapped = Charge(wrapped, others=others)
    if approve is not None:
        wrapped = Approval(wrapped, approve)
    wrapped = OutputCap(wrapped, characters=settings.output_characters)
    if tool.spec.effect is Effect.PURE and settings.cache_entries > 0:
        wrapped = Cache(wrapped, most=settings.cache_entries, shared=settings.cache_shared)
    return Checked(wrapped)
