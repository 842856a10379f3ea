"""Counts: so many of so many."""

import math
from collections.abc import Callable, Iterable

import msgspec

from .rows import Row

_Z = 1.959964
"""95% of a normal distribution lie within so many deviations."""


class Share(msgspec.Struct, frozen=True):
    """Example: `Share(970, 1000).value == 0.97`. Of nothing, the value is not a number."""

    hits: int
    of: int
    errors: int = 0
    """Requests that failed; they are among `of`, never among `hits`."""

    @property
    def value(self) -> float:
        """The share."""
        return self.hits / self.of if self.of else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval. Example: of 970 of 1000 about (0.958, 0.979)."""
        if not self.of:
            return math.nan, math.nan
        spread, share = _Z**2 / self.of, self.value
        middle = (share + spread / 2) / (1 + spread)
        half = math.sqrt(spread * share * (1 - share) + spread**2 / 4) / (1 + spread)
        return max(0.0, middle - half), min(1.0, middle + half)


def share(rows: Iterable[Row], hit: Callable[[Row], bool] = lambda row: row.right) -> Share:
    """How many rows hit; a row whose request failed never does."""
    listed = list(rows)
    errors = sum(row.error is not None for row in listed)
    return Share(sum(row.error is None and hit(row) for row in listed), len(listed), errors)


def together(shares: Iterable[Share]) -> Share:
    """The sum of several."""
    listed = list(shares)
    return Share(sum(s.hits for s in listed), sum(s.of for s in listed), sum(s.errors for s in listed))
