"""95% bootstrap intervals over questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LEVEL = 0.95
RESAMPLES = 9999
_CELLS = 4_000_000
"""Numbers drawn at a time: 32 MB."""

Interval = tuple[float, float]


def mean_interval(values_Q: Sequence[float]) -> Interval | None:
    """Percentile interval of the mean over Q questions; None for fewer than two.

    Example: of (0, 1) the resampled mean is 0, 0.5 or 1 with chances 1/4, 1/2, 1/4: (0.0, 1.0).
    """
    import numpy as np

    def mean(x: Any, axis: int) -> Any:
        return np.mean(x, axis=axis)

    return _interval((values_Q,), mean)


def paired_interval(baseline_Q: Sequence[float], arm_Q: Sequence[float]) -> Interval | None:
    """Percentile interval of mean(arm - baseline): both are resampled by the same questions; None for fewer than two.

    Example: equal arms give (0.0, 0.0), however much the questions differ.
    """
    import numpy as np

    def mean_difference(x: Any, y: Any, axis: int) -> Any:
        return np.mean(y - x, axis=axis)

    return _interval((baseline_Q, arm_Q), mean_difference)


def _interval(data: tuple[Sequence[float], ...], statistic: Any) -> Interval | None:
    """Resampled from a fixed seed, so that a table can be made again from its rows."""
    from scipy.stats import bootstrap  # type: ignore[import-untyped, unused-ignore]

    count = len(data[0])
    if count < 2:
        return None
    found = bootstrap(
        data,
        statistic,
        paired=True,
        vectorized=True,
        method="percentile",  # BCa is undefined where all questions agree, which happens with strong or equal arms
        confidence_level=LEVEL,
        n_resamples=RESAMPLES,
        batch=max(1, _CELLS // count),
        rng=0,
    ).confidence_interval
    return float(found.low), float(found.high)
