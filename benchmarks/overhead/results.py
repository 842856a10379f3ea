"""The records of a run, as they are written to overhead.json and read back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement: one arm at one concurrency, streaming or not, in one repeat."""

    arm: str
    repeat: int
    turn: int
    """Which arm this was in the random order of its group."""
    concurrency: int
    streaming: bool
    requests: int
    seconds: float
    requests_per_s: float
    tokens_per_s: float
    latency_p50_ms: float
    tpot_p50_ms: float | None
    """Time per output token: after the first text when streaming, of the whole answer when not; none for a stream that
    came in one piece."""
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None
    events_p50: float
    """Server-sent events of an answer."""
    server_cpu_s_per_1k: float
    """CPU seconds of the server's own process tree per 1,000 tokens."""
    upstream_cpu_s_per_1k: float
    """The same of the server behind it; 0 without one."""
    client_cores: float
    """Cores that the load generator used."""
    other_cores: float
    """Cores that the servers used which were not under test."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A server's process tree before and after many requests."""

    arm: str
    requests: int
    rss_before_mb: float
    rss_after_mb: float
    descriptors_before: int
    descriptors_after: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under what a benchmark ran; what it found comes behind."""

    command: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    settings: Mapping[str, Any]
    titles: Mapping[str, str]
    """What the report calls each arm, in its order."""
    start_seconds: Mapping[str, float]

    def save(self, path: Path) -> None:
        """Write the run as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Result(Conditions):
    """A whole run."""

    idle_cores: Mapping[str, float]
    """Cores that each server uses while nobody asks it anything."""
    cells: Sequence[Cell]
    growth: Sequence[Growth]

    @classmethod
    def load(cls, path: Path) -> "Result":
        """Read a run."""
        data = json.loads(path.read_text(encoding="utf-8"))
        cells = [Cell(**cell) for cell in data.pop("cells")]
        growth = [Growth(**growth) for growth in data.pop("growth")]
        return cls(cells=cells, growth=growth, **data)
