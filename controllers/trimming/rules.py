"""TrimR's two rules, for the controller that serves and for the replay of stored traces."""

from __future__ import annotations

from typing import NamedTuple

from ..verifying.conclusions import Conclusions


class Rules(NamedTuple):
    """When thinking has converged, and when it never will.

    Example: m=2, limit=500, n=20: three results in a row that agree end it, and so do 501 tokens or 21 segments without.
    """

    m: int
    """Agreements in a row."""
    limit: int
    """R times the budget, in tokens."""
    n: int
    """Segments."""
    both: bool = False
    """Too many tokens and too many segments, where one of them is enough otherwise."""
    window: int = 0
    """Among so many of the last results m + 1 must agree, in place of a row; 0: a row."""

    @property
    def compared(self) -> int:
        """With how many earlier results a new one is compared."""
        return self.window - 1 if self.window else 1

    def converged(self, conclusions: Conclusions, position: int) -> bool:
        """Overthinking: what follows the result at this position only repeats it."""
        if self.window:
            return conclusions.agreeing(position) >= self.m
        return conclusions.run(position) >= self.m

    def hopeless(self, *, long: bool, segments: int) -> bool:
        """Underthinking: `long` says that more than `limit` tokens were thought."""
        many = segments > self.n
        return long and many if self.both else long or many
