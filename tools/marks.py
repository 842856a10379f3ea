"""`@tool`: says of a function that it is a tool, and what a call of it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .tool import Effect

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__flyball_tool__"


@dataclass(frozen=True, slots=True)
class Marks:
    """What a function cannot say by its signature."""

    name: str | None = None
    """None: the function's own."""
    effect: Effect = Effect.SIDE_EFFECTS
    usd: float = 0.0
    timeout: float = 30.0
    batch: str | None = None


def tool(
    *,
    name: str | None = None,
    effect: Effect | str = Effect.SIDE_EFFECTS,
    usd: float = 0.0,
    timeout: float = 30.0,
    batch: str | None = None,
) -> Callable[[F], F]:
    """Marks a function and leaves it as it is: it can be called and tested like any other.

    `batch` names a list-valued parameter, each entry of which counts and costs as one call. Errors: ValueError for an
    unknown effect, a negative price or a timeout that is not positive.

    Example:
        @tool(effect="pure", timeout=5)
        def add(a: int, b: int) -> int:
            '''Adds two whole numbers.'''
            return a + b
    """
    if usd < 0 or timeout <= 0:
        raise ValueError(f"a tool's price is not negative and its timeout positive, not {usd} and {timeout}")
    marks = Marks(name, Effect(effect), usd, timeout, batch)

    def mark(function: F) -> F:
        setattr(function, _MARK, marks)
        return function

    return mark


def marks_of(function: object) -> Marks | None:
    """What a function was marked with; None when it was not."""
    marks = getattr(function, _MARK, None)
    return marks if isinstance(marks, Marks) else None
