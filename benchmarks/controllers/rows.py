"""Figures from the rows of a report, paired by question and sample."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from flyball.training.evaluate.report import Report
from flyball.training.evaluate.rows import Row

Unit = tuple[str, int]
"""Question and sample."""


def of_arm(report: Report, arm: str) -> dict[Unit, Row]:
    """The answered rows of an arm."""
    return {(row.question, row.sample): row for row in report.rows if row.arm == arm and row.error is None}


def paired(one: Mapping[Unit, Row], other: Mapping[Unit, Row]) -> list[tuple[Row, Row]]:
    """The rows of two arms that answer the same."""
    return [(one[unit], other[unit]) for unit in one if unit in other]


def mean(values: Iterable[float]) -> float:
    """0 of none."""
    found = list(values)
    return fmean(found) if found else 0.0


def accuracy(rows: Iterable[Row]) -> float:
    """Of those with a verdict, the share that is right."""
    return mean(row.correct for row in rows if row.correct is not None)


def acted(row: Row, controller: str) -> bool:
    """Whether the controller changed anything."""
    return any(each.get("controller") == controller for each in row.acted)


def share(part: float, whole: float) -> float | None:
    """None of nothing."""
    return part / whole if whole else None


class Clock(NamedTuple):
    """How long an arm took for the blocks that the other one was asked, too."""

    seconds: float
    other: float

    @property
    def less(self) -> float | None:
        """The share of the other's time that it saves. Example: 85 s against 100 s save 0.15."""
        return share(self.other - self.seconds, self.other)


def clock(report: Report, arm: str, other: str) -> Clock:
    """Wall-clock of two arms over the blocks that both were sent whole."""
    one, two = (
        {(timing.concurrency, timing.block): timing.seconds for timing in report.timings if timing.arm == name}
        for name in (arm, other)
    )
    both = one.keys() & two.keys()
    return Clock(sum(one[block] for block in both), sum(two[block] for block in both))


Figure = Callable[[Row], float]


def sampled(row: Row) -> float:
    """Tokens sampled on behalf of the request."""
    return float(row.sampled or 0)


def thinking(row: Row) -> float:
    """Kept thinking tokens."""
    return float(row.tokens.thinking if row.tokens is not None else 0)


def percent(value: float | None, digits: int = 1) -> str:
    """For a table. Example: percent(0.125) == "12.5%"."""
    return "-" if value is None else f"{100 * value:.{digits}f}%"


def points(value: float | None) -> str:
    """A difference of accuracies. Example: points(-0.004) == "-0.4 points"."""
    return "-" if value is None else f"{100 * value:+.1f} points"


def arms_of(report: Report) -> Sequence[str]:
    """In the order in which they were given."""
    return [arm.name for arm in report.settings.arms]
