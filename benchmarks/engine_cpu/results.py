"""The records of a run, as they are written to engine_cpu.json and read back, and what is taken from them."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.overhead.results import Conditions


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement: one arm at one place in one repeat."""

    arm: str
    place: str
    repeat: int
    turn: int
    """Which arm this was in the random order of its group."""
    figures: Mapping[str, float]
    """tokens_per_s, requests_per_s, latency_ms, first_ms, cpu_s_per_1k; of a resumed call cached_tokens and first_ms; and
    other_cores, which everything else on the machine used meanwhile, the busy process included."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some repeats, the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread | None":
        """None without values."""
        seen = list(values)
        return cls(statistics.median(seen), min(seen), max(seen)) if seen else None

    def show(self, spec: str, unit: str = "") -> str:
        """Median and range in words.

        Example: Spread(1.0, 0.9, 1.2).show(".2f", "x") == "1.00x (0.90-1.20)"
        """
        if self.low == self.high:
            return f"{self.median:{spec}}{unit}"
        return f"{self.median:{spec}}{unit} ({self.low:{spec}}-{self.high:{spec}})"


@dataclass(frozen=True, slots=True)
class Result(Conditions):
    """A whole run."""

    cells: Sequence[Cell]

    def values(self, figure: str, arm: str, place: str) -> dict[int, float]:
        """A figure of one arm at one place, by repeat."""
        return {cell.repeat: cell.figures[figure] for cell in self.cells if (cell.arm, cell.place) == (arm, place)}

    def spread(self, figure: str, arm: str, place: str) -> Spread | None:
        """The figure over the repeats."""
        return Spread.of(self.values(figure, arm, place).values())

    def ratio(self, figure: str, arm: str, baseline: str, place: str) -> Spread | None:
        """The figure of an arm over that of another, taken within each repeat."""
        ours, theirs = self.values(figure, arm, place), self.values(figure, baseline, place)
        return Spread.of(ours[repeat] / theirs[repeat] for repeat in ours.keys() & theirs.keys() if theirs[repeat])

    def other_cores(self, place: str) -> Spread | None:
        """What everything else on the machine used at a place."""
        return Spread.of(cell.figures["other_cores"] for cell in self.cells if cell.place == place)

    @classmethod
    def load(cls, path: Path) -> "Result":
        """Read a run."""
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(cells=[Cell(**cell) for cell in data.pop("cells")], **data)
