"""How fast something grows, and how sure that is."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

WARM_UP = 0.25
"""Part of the time that is left out at the beginning, in which caches fill."""
_STUDENT = {3: 3.18, 5: 2.57, 8: 2.31, 12: 2.18, 20: 2.09, 30: 2.04}
"""97.5% quantiles by degrees of freedom; of the next smaller entry, which is on the safe side."""


@dataclass(frozen=True)
class Trend:
    """A line through values over time, from the end of the warm-up on."""

    mean: float
    per_minute: float
    margin: float
    """Half of the 95% interval around `per_minute`."""
    minutes: float
    """That were looked at."""

    @property
    def low(self) -> float:
        """Where the 95% interval of the slope begins."""
        return self.per_minute - self.margin

    @property
    def high(self) -> float:
        """Where it ends."""
        return self.per_minute + self.margin

    def flat(self, tolerance: float = 0.01) -> bool:
        """Whether there is no growth to be seen (the interval reaches down to 0), or one of less than `tolerance` of the mean
        over the time that was looked at.
        """
        return self.low <= 0 or self.high * self.minutes <= tolerance * self.mean


def trend(seconds: Sequence[float], values: Sequence[float]) -> Trend:
    """Least squares. Neighbouring values are alike, so they count as fewer: by the correlation of neighbouring residuals.

    Example: values 10, 11, 12, … of one a minute have the slope 1 a minute, and a margin of 0.
    Errors: ValueError for fewer than five values after the warm-up.
    """
    begin = seconds[0] + WARM_UP * (seconds[-1] - seconds[0])
    kept = [(at / 60, value) for at, value in zip(seconds, values, strict=True) if at >= begin]
    if len(kept) < 5:
        raise ValueError(f"{len(kept)} values tell no trend")
    xs, ys = [x for x, _ in kept], [y for _, y in kept]
    line = statistics.linear_regression(xs, ys)
    residuals = [y - line.slope * x - line.intercept for x, y in kept]
    spread = sum((x - statistics.fmean(xs)) ** 2 for x in xs)
    squares = sum(residual**2 for residual in residuals)
    error = math.sqrt(squares / (len(kept) - 2) / spread)
    independent = _independent(residuals, squares)
    margin = _student(independent - 2) * error * math.sqrt(len(kept) / independent)
    return Trend(statistics.fmean(ys), line.slope, margin, xs[-1] - xs[0])


def _independent(residuals: Sequence[float], squares: float) -> float:
    """As how many independent values these count."""
    neighbours = sum(one * other for one, other in pairwise(residuals))
    alike = min(0.99, max(0.0, neighbours / squares)) if squares > 1e-12 else 0.0
    return max(5.0, len(residuals) * (1 - alike) / (1 + alike))


def _student(freedom: float) -> float:
    return _STUDENT[max(known for known in _STUDENT if known <= max(3, freedom))]
