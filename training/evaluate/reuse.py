"""Responses of other reports that a run need not ask for again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec

from .arms import Arm
from .report import Report
from .rows import Row
from .settings import Settings


def reusable(report: Report, settings: Settings, questions: Collection[str]) -> Iterator[Row]:
    """The answered requests of the report that this run makes, too, under the names of its own arms.

    Only those of arms that ask plainly: what a `flyball` block or a preset does depends on the server's configuration.
    Another model, file of questions, sampling or seed gives none.

    Example: of a report with the arms "plain" and "trimr" a run with the arm "as it is", which has no block either, takes
    the rows of "plain".
    """
    if _what(report.settings) != _what(settings):
        return
    names = {
        other.name: arm.name
        for arm in settings.arms
        for other in report.settings.arms
        if _plain(arm) and _plain(other) and _sent(report.settings, other) == _sent(settings, arm)
    }
    for row in report.rows:
        if row.arm in names and row.error is None and row.sample < settings.samples and row.question in questions:
            yield msgspec.structs.replace(row, arm=names[row.arm])


def told(name: str, taken: Sequence[Row]) -> list[str]:
    """What a report says of them, a sentence for each arm."""
    counts = Counter(row.arm for row in taken)
    return [
        f"{arm}: {count} responses are those of {name}; they have no wall-clock here" for arm, count in counts.items()
    ]


def _what(settings: Settings) -> tuple[Any, ...]:
    return settings.model, settings.engine_args, settings.questions_sha256, settings.reader


def _plain(arm: Arm) -> bool:
    return arm.flyball is None and "model" not in arm.sampling


def _sent(settings: Settings, arm: Arm) -> dict[str, Any]:
    return {"seed": settings.seed} | settings.sampling | arm.sampling
