"""What world-v1 must show, as data, and whether a run shows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .results import Measured, Outcome

Figure = Callable[[Measured], float]


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure with its bounds; `low` and `high` are both kept where both are given."""

    text: str
    figure: Figure
    low: float | None = None
    high: float | None = None
    unit: str = "%"
    """%: the figure is a share; points: a difference of shares; else it stands as it is."""

    def judge(self, measured: Measured) -> Outcome:
        """The figure beside its bounds. One that is not a number, because nothing was counted, is not met."""
        value = self.figure(measured)
        met = (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
        return Outcome(self.text, self._bound(), self._show(value), met and not math.isnan(value))

    def _bound(self) -> str:
        if self.low is not None and self.high is not None:
            return f"{self._show(self.low)} to {self._show(self.high)}"
        return f"≥ {self._show(self.low)}" if self.low is not None else f"≤ {self._show(self.high or 0.0)}"

    def _show(self, value: float) -> str:
        match self.unit:
            case "%":
                return f"{100 * value:.1f}%"
            case "points":
                return f"{100 * value:.1f} points"
            case _:
                return f"{value:.2f}"


def judge(measured: Measured) -> list[Outcome]:
    """Every goal."""
    return [goal.judge(measured) for goal in GOALS]


def _right(way: str, steps: Iterable[int], pick: Callable[[Iterable[float]], float]) -> Figure:
    def figure(measured: Measured) -> float:
        cells = measured.chains.of("thinking" if way == "thinking" else "silent")
        return pick(cells[count].right.value for count in steps)

    return figure


def _gap(measured: Measured) -> float:
    thinking, silent = measured.chains.of("thinking"), measured.chains.of("silent")
    return min(thinking[steps].right.value - silent[steps].right.value for steps in range(6, 13))


GOALS: tuple[Goal, ...] = (
    Goal("Chains with thinking, the worst of 1 to 8 steps", _right("thinking", range(1, 9), min), low=0.97),
    Goal("Chains without thinking, one step", _right("silent", [1], min), low=0.95),
    Goal("Chains without thinking, two steps", _right("silent", [2], min), low=0.60),
    Goal("Thinking above no thinking, the least gap of 6 to 12 steps", _gap, low=0.40, unit="points"),
    Goal("Big numbers without a tool", lambda m: m.arithmetic.arms["alone"].right.value, high=0.30),
    Goal("… with a hint, Python declared", lambda m: m.arithmetic.arms["hint-declared"].right.value, low=0.95),
    Goal("… with a hint, Python run in the thinking", lambda m: m.arithmetic.arms["hint-fenced"].right.value, low=0.95),
    Goal(
        "… self-started Python, the most of greedy and sampled, declared and not",
        lambda m: max(
            m.arithmetic.arms[arm].python.value for arm in ("alone", "alone-warm", "declared", "declared-warm")
        ),
        high=0.10,
    ),
    Goal(
        "Lookups without a search, the best kind",
        lambda m: max(kind.alone.value for kind in m.lookups.kinds.values()),
        high=0.05,
    ),
    Goal(
        "One hop with a search, the worse of both histories",
        lambda m: min(
            m.lookups.kinds["one_hop"].with_reasoning.value, m.lookups.kinds["one_hop"].without_reasoning.value
        ),
        low=0.93,
    ),
    Goal(
        "Two hops with a search, the worse of both histories",
        lambda m: min(
            m.lookups.kinds["two_hop"].with_reasoning.value, m.lookups.kinds["two_hop"].without_reasoning.value
        ),
        low=0.85,
    ),
    Goal(
        "Redundant verifications per thinking, greedy",
        lambda m: m.overthinking.samples[0].mean_redundant,
        low=3.0,
        unit="",
    ),
    Goal("First attempts that err, greedy", lambda m: m.overthinking.samples[0].erred.value, low=0.05, high=0.15),
    Goal("… and are corrected", lambda m: m.overthinking.samples[0].corrected.value, low=0.80),
    Goal(
        "A forced end agrees with the last stated result, the worst ending",
        lambda m: min(ending.agrees.value for ending in m.endings.endings.values()),
        low=0.97,
    ),
    Goal(
        "An answer probe agrees with it, the worse probe",
        lambda m: min(probe.agrees.value for probe in m.endings.probes.values()),
        low=0.97,
    ),
    Goal(
        "The verifier on held-out passages, the worse of both questions",
        lambda m: min(part.value for part in m.verifying.held_out.values()),
        low=0.97,
    ),
    Goal(
        "The verifier on what the reasoner sampled, the worse of both questions",
        lambda m: min(part.value for part in m.verifying.sampled.values()),
        low=0.97,
    ),
    Goal("Loss by sampling at temperature 0.8", lambda m: m.sampling.loss, high=0.03, unit="points"),
    Goal("… different thinkings among the samples", lambda m: m.sampling.distinct.value, low=0.5),
)
"""As the world was planned; only the bound of the last row is chosen here, for "varied"."""
