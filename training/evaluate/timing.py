"""Wall-clock of blocks, and what an arm's blocks say together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import msgspec


class Timing(msgspec.Struct, frozen=True, kw_only=True, tag="timing"):
    """One block of an arm that was sent whole: its `seconds` are from the first request to the last response."""

    arm: str
    concurrency: int
    block: int
    seconds: float
    latencies: list[float]
    """Seconds of each answered request."""
    failed: int = 0

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells it from other blocks."""
        return self.arm, self.concurrency, self.block


class WallClock(msgspec.Struct, frozen=True, kw_only=True):
    """An arm at one concurrency.

    Example: blocks of 64 requests in 8 s and 32 in 4 s are 96 in 12 s: 8 a second.
    """

    concurrency: int
    requests: int
    """Those that were answered, in blocks that were sent whole."""
    failed: int
    seconds: float
    per_second: float
    """Throughput: answered requests a second."""
    latency_p50: float | None
    latency_p95: float | None
    """Nearest rank."""


def wall_clock(concurrency: int, timings: Sequence[Timing]) -> WallClock:
    """What blocks at one concurrency say together."""
    latencies = sorted(latency for timing in timings for latency in timing.latencies)
    seconds = sum(timing.seconds for timing in timings)
    return WallClock(
        concurrency=concurrency,
        requests=len(latencies),
        failed=sum(timing.failed for timing in timings),
        seconds=seconds,
        per_second=len(latencies) / seconds if seconds else 0.0,
        latency_p50=median(latencies) if latencies else None,
        latency_p95=percentile95(latencies),
    )


def percentile95(ascending: Sequence[float]) -> float | None:
    """By nearest rank: of 20 values the 19th."""
    return ascending[math.ceil(0.95 * len(ascending)) - 1] if ascending else None
