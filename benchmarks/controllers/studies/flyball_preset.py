"""The preset against each of its parts: does one of them give as much for less?"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from flyball.training.evaluate.report import Report

from ..asking import Workshop
from ..findings import Findings, Goal, Table
from ..rows import accuracy, arms_of, mean, of_arm, percent, sampled

PRESET, PLAIN = "flyball", "plain"
CALL_USD = 0.001
"""Of BATS's unified cost: tokens at their prices, and a call of a tool at so much."""


class Worth(NamedTuple):
    """What an arm gives, and what it takes for a request."""

    accuracy: float
    tokens: float
    usd: float
    """Unified cost."""


def dominates(one: Worth, other: Worth) -> bool:
    """Whether nobody would take the other one: not better in accuracy, in tokens or in dollars, and worse in one of them.

    Example: (0.9, 100, 1.0) dominates (0.9, 120, 1.0), and not (0.91, 200, 2.0), nor its equal.
    """
    as_good = one.accuracy >= other.accuracy and one.tokens <= other.tokens and one.usd <= other.usd
    return as_good and one != other


def worth(report: Report, arm: str) -> Worth:
    """Means per request; calls at `CALL_USD`."""
    rows = list(of_arm(report, arm).values())
    usd = mean((row.usd or 0.0) + CALL_USD * (row.calls or 0) for row in rows)
    return Worth(accuracy(rows), mean(map(sampled, rows)), usd)


def find(reports: Mapping[str, Report], shop: Workshop) -> Findings:
    """Part of a study."""
    report = reports["mixed"]
    found = {arm: worth(report, arm) for arm in arms_of(report)}
    above = [arm for arm in found if arm not in (PRESET, PLAIN) and dominates(found[arm], found[PRESET])]
    return Findings(
        goals=[
            Goal(
                "preset flyball: parts that are as right for as few tokens and dollars",
                "none",
                ", ".join(above) or "none",
                not above,
            )
        ],
        tables=[Table("Accuracy, tokens and unified cost", list(_lines(found)))],
        figures={arm: each._asdict() for arm, each in found.items()},
        notes=[f"unified cost: tokens at the server's prices, and ${CALL_USD} for each call of a tool"],
    )


def _lines(found: Mapping[str, Worth]) -> Iterator[list[str]]:
    yield ["", "right", "tokens in all", "unified dollars for 1000 requests", "dominated by"]
    for arm, own in found.items():
        over = [name for name, other in found.items() if dominates(other, own)]
        yield [arm, percent(own.accuracy), f"{own.tokens:.1f}", f"{1000 * own.usd:.3f}", ", ".join(over) or "-"]
