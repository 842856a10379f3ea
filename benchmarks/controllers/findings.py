"""What a study found, as it is kept and shown."""

from typing import Any

import msgspec

from flyball.training.evaluate.report import Report


class Goal(msgspec.Struct, frozen=True):
    """A bound, and what was found. `met` is None where the figures cannot say."""

    title: str
    goal: str
    found: str
    met: bool | None


class Table(msgspec.Struct, frozen=True):
    """Cells as text; the first line is the head."""

    title: str
    lines: list[list[str]]


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows mean."""

    goals: list[Goal] = []
    tables: list[Table] = []
    figures: dict[str, Any] = {}
    """The numbers behind them, unrounded."""
    notes: list[str] = []


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was made. Its report is without rows, which would be too many to keep."""

    name: str
    why: str
    commands: list[str]
    report: Report


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept of a study."""

    study: str
    title: str
    questions: int
    samples: int
    machine: dict[str, str]
    asked: list[Asked] = []
    missing: list[str] = []
    """Runs that were not made yet."""
    findings: Findings


def without_rows(report: Report) -> Report:
    """Settings and aggregates alone."""
    return msgspec.structs.replace(report, rows=[], timings=[])
