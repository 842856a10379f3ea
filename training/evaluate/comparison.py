"""An arm against another one, on the same questions."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

import msgspec

from .intervals import Interval, paired_interval

Verdict = Literal["above", "ties", "below", "unknown"]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """An arm minus a baseline, paired by question."""

    baseline: str
    kind: str
    difference: float | None
    interval: Interval | None
    verdict: Verdict
    """`above` or `below` when the 95% interval leaves out 0, else `ties`; `unknown` for fewer than two questions."""


def compare(baseline: str, kind: str, baseline_Q: Sequence[float | None], arm_Q: Sequence[float | None]) -> Comparison:
    """Over the questions that both have a score for.

    Example: (0, 0, None) against (1, 1, 1) is +1.0 on two questions, with the interval (1.0, 1.0): above.
    """
    pairs = [(a, b) for a, b in zip(baseline_Q, arm_Q, strict=True) if a is not None and b is not None]
    interval = paired_interval([a for a, _ in pairs], [b for _, b in pairs])
    return Comparison(
        baseline=baseline,
        kind=kind,
        difference=fmean(b - a for a, b in pairs) if pairs else None,
        interval=interval,
        verdict=_verdict(interval),
    )


def _verdict(interval: Interval | None) -> Verdict:
    if interval is None:
        return "unknown"
    low, high = interval
    return "above" if low > 0 else "below" if high < 0 else "ties"
