"""Medians, intervals, ratios to the baseline, and the repeats that look like an accident."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import bootstrap

from .results import Cell

_RESAMPLES = 5000
_COLLAPSE = 1 / 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median with its 95 % bootstrap interval; the interval is the median itself when it was measured once."""

    median: float
    low: float
    high: float
    repeats: int

    @property
    def error(self) -> tuple[float, float]:
        """How far the interval reaches below and above the median."""
        return self.median - self.low, self.high - self.median


def estimate(values: Iterable[float]) -> Estimate | None:
    """The median of some repeats, or None without any."""
    data = np.array([value for value in values if math.isfinite(value)])
    if data.size == 0:
        return None
    median = float(np.median(data))
    if data.size == 1 or np.ptp(data) == 0.0:
        return Estimate(median, median, median, data.size)
    drawn = bootstrap(
        (data,), np.median, n_resamples=_RESAMPLES, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return Estimate(median, float(drawn.low), float(drawn.high), data.size)


Metric = Callable[[Cell], float | None]
"""Reads one figure from a cell."""


def values(cells: Sequence[Cell], metric: Metric, arm: str, concurrency: int, streaming: bool) -> dict[int, float]:
    """A metric of one arm at one place, by repeat."""
    found = (cell for cell in cells if (cell.arm, cell.concurrency, cell.streaming) == (arm, concurrency, streaming))
    return {cell.repeat: value for cell in found if (value := metric(cell)) is not None}


def ratio(
    cells: Sequence[Cell], metric: Metric, arm: str, baseline: str, concurrency: int, streaming: bool
) -> Estimate | None:
    """The metric of an arm over that of the baseline, paired within each repeat."""
    ours = values(cells, metric, arm, concurrency, streaming)
    theirs = values(cells, metric, baseline, concurrency, streaming)
    return estimate(ours[repeat] / theirs[repeat] for repeat in ours.keys() & theirs.keys() if theirs[repeat])


@dataclass(frozen=True, slots=True)
class Collapse:
    """A repeat whose throughput fell below a third of its arm's median."""

    cell: Cell
    usual: float


def collapses(cells: Sequence[Cell]) -> list[Collapse]:
    """Every collapsed repeat. It stays in the data; the report names it."""
    found = []
    for cell in cells:
        peers = values(cells, lambda other: other.requests_per_s, cell.arm, cell.concurrency, cell.streaming)
        usual = float(np.median(list(peers.values())))
        if cell.requests_per_s < _COLLAPSE * usual:
            found.append(Collapse(cell, usual))
    return found
