"""A run's result as one JSON file: settings, versions, aggregates, raw rows."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from ...core.errors import ConfigError
from ...core.model import Price
from .baselines import Baseline
from .questions import Question
from .rows import Row
from .settings import Settings
from .summary import Summary, summarise
from .timing import Timing

_PACKAGES = ("flyball", "httpx", "math-verify", "msgspec", "numpy", "scipy")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to say about a run; tables and figures are made from it."""

    format: int = 2
    created: datetime
    complete: bool
    """False: the run was broken off; `summary` covers the questions that were done."""
    target: dict[str, Any]
    settings: Settings
    versions: dict[str, str]
    grader: str | None
    """The one that the run chose; None: each question's own, else math."""
    price: Price | None
    """Dollars per million tokens that the run was told; None: the server's ledger."""
    summary: Summary
    baselines: list[Baseline]
    rows: list[Row]
    timings: list[Timing]
    reused: list[str] = []
    """Which responses are those of other reports, in words."""


def make_report(
    settings: Settings,
    questions: Sequence[Question],
    rows: Sequence[Row],
    target: dict[str, Any],
    *,
    baselines: Sequence[Baseline] = (),
    timings: Sequence[Timing] = (),
    price: Price | None = None,
    grader: str | None = None,
    complete: bool = True,
    reused: Sequence[str] = (),
) -> Report:
    """The report of a run, its rows in the order of the questions."""
    place = {question.id: index for index, question in enumerate(questions)}
    return Report(
        created=datetime.now(UTC),
        complete=complete,
        target=target,
        settings=settings,
        versions=_versions(),
        grader=grader,
        price=price,
        summary=summarise(settings, questions, rows, baselines, timings, price),
        baselines=list(baselines),
        rows=sorted(rows, key=lambda row: (place[row.question], row.sample, row.arm)),
        timings=list(timings),
        reused=list(reused),
    )


def save_report(report: Report, path: Path) -> None:
    """Write the JSON file, whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    temporary.replace(path)


def load_report(path: Path) -> Report:
    """A report that was saved. Errors: ConfigError for a file that is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path.name} is no report: {error}") from error


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
