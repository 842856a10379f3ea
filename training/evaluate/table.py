"""A report as tables: the arms, their baselines, their wall-clock; for the terminal, or as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .comparison import Comparison
from .intervals import Interval
from .notes import notes
from .report import Report
from .summary import ArmSummary

if TYPE_CHECKING:
    from rich.table import Table

NOTHING = "-"
_TOKENS = {"total": "kept + dropped + auxiliary", "completion": "usage.completion_tokens"}
_KINDS = {"capped": "capped baseline", "no_thinking": "no thinking", "vote": "vote on as many tokens"}

_BASELINES = (
    "",
    "tokens allowed",
    "accuracy, %",
    "arm minus baseline, points",
    "the arm",
    "thinking tokens",
    "tokens in all",
    "dollars per 1000 requests",
    "samples",
    "failed",
    "ungraded",
)


class Page(NamedTuple):
    """A table: its first line is the head, the first cell of each line its name."""

    title: str
    lines: list[list[str]]


def pages(report: Report) -> list[Page]:
    """Those that the report has something for."""
    found = [
        Page("", lines(report)),
        Page("Iso-token baselines", _baselines(report)),
        Page("Wall-clock", _clocks(report)),
    ]
    return [page for page in found if len(page.lines) > 1 or not page.title]


def lines(report: Report) -> list[list[str]]:
    """The arms: one column per arm, one line per measure."""
    arms = report.summary.arms
    found = [
        ["", *(arm.arm for arm in arms)],
        ["accuracy, %", *(_percent(arm.accuracy, arm.interval) for arm in arms)],
        ["difference, points", *(_percent(arm.difference, arm.difference_interval, "+") for arm in arms)],
    ]
    if report.summary.baselines:
        found.append(["beside its capped baseline", *(_tie(arm) for arm in arms)])
    for kind in ("kept", "thinking", "injected", "dropped", "auxiliary", "total", "completion"):
        found.append([_TOKENS.get(kind, f"{kind} tokens"), *(_number(getattr(arm, kind), 1) for arm in arms)])
    found += [["tool calls", *(_number(arm.calls, 2) for arm in arms)], *_dollars(arms)]
    found += [
        ["seconds, median", *(_number(arm.seconds_median, 3) for arm in arms)],
        ["seconds, p95", *(_number(arm.seconds_p95, 3) for arm in arms)],
        ["unfinished, %", *(_percent(arm.unfinished, None) for arm in arms)],
        ["finish", *(", ".join(f"{name} {count}" for name, count in arm.finish.items()) or NOTHING for arm in arms)],
        ["requests", *(str(arm.requests) for arm in arms)],
        ["failed", *(str(arm.errors) for arm in arms)],
        ["ungraded", *(str(arm.ungraded) for arm in arms)],
        ["without an answer (wrong)", *(str(arm.unanswered) for arm in arms)],
    ]
    if any(arm.bounds for arm in arms):
        found.append(["accuracy if failed and ungraded were wrong to right, %", *(_bounds(arm) for arm in arms)])
    names = dict.fromkeys(name for arm in arms for name in arm.difficulty)
    return found + [_difficulty(name, arms) for name in names]


def _dollars(arms: Sequence[ArmSummary]) -> list[list[str]]:
    found = []
    if any(arm.usd is not None for arm in arms):
        found += [
            ["dollars per 1000 requests", *(_money(arm.usd) for arm in arms)],
            ["dollars per 1000 right answers", *(_money(arm.usd_correct) for arm in arms)],
        ]
    if any(arm.grading_tokens for arm in arms):
        found += [
            ["tokens of the judge", *(str(arm.grading_tokens) for arm in arms)],
            ["dollars of the judge", *(f"{arm.grading_usd:.4g}" for arm in arms)],
        ]
    return found


def _difficulty(name: str, arms: Iterable[ArmSummary]) -> list[str]:
    strata = [arm.difficulty.get(name) for arm in arms]
    count = max(of.questions for of in strata if of is not None)
    return [f"accuracy, {name} (n={count})", *(NOTHING if of is None else _percent(of.accuracy, None) for of in strata)]


def _tie(arm: ArmSummary) -> str:
    return next((said(each) for each in arm.against if each.kind == "capped"), NOTHING)


def said(comparison: Comparison) -> str:
    """A comparison's verdict in words. Example: "ties the capped baseline"."""
    what = _KINDS[comparison.kind]
    what = f"the {what}" if comparison.kind == "capped" else what
    return f"{comparison.verdict} {what}" if comparison.verdict != "unknown" else NOTHING


def _baselines(report: Report) -> list[list[str]]:
    found = [list(_BASELINES)]
    for arm in report.summary.arms:
        if arm.against:
            found.append(
                [f"**{arm.arm}**", NOTHING, _percent(arm.accuracy, arm.interval), NOTHING, NOTHING, *_spent(arm)]
            )
        for baseline in report.summary.of(arm.arm):
            (comparison,) = (each for each in arm.against if each.baseline == baseline.arm)
            found.append(
                [
                    baseline.arm,
                    NOTHING if baseline.allowed is None else str(baseline.allowed),
                    _percent(baseline.accuracy, baseline.interval),
                    _percent(comparison.difference, comparison.interval, "+"),
                    said(comparison),
                    *_spent(baseline),
                ]
            )
    return found


def _spent(arm: ArmSummary) -> list[str]:
    votes = NOTHING if arm.votes is None else f"{arm.votes:.1f}"
    counts = [votes, str(arm.errors), str(arm.ungraded)]
    return [_number(arm.thinking, 1), _number(arm.sampled, 1), _money(arm.usd), *counts]


def _clocks(report: Report) -> list[list[str]]:
    found = [
        ["", "concurrency", "requests", "seconds", "requests a second", "latency p50, s", "latency p95, s", "failed"]
    ]
    for arm in [*report.summary.arms, *report.summary.baselines]:
        for clock in arm.wall_clocks:
            found.append(
                [
                    arm.arm,
                    str(clock.concurrency),
                    str(clock.requests),
                    f"{clock.seconds:.2f}",
                    f"{clock.per_second:.2f}",
                    _number(clock.latency_p50, 3),
                    _number(clock.latency_p95, 3),
                    str(clock.failed),
                ]
            )
    return found


def rich_tables(report: Report) -> list[Table]:
    """For the terminal."""
    from rich.table import Table
    from rich.text import Text

    found = []
    for page in pages(report):
        (measure, *names), *body = page.lines
        table = Table(measure, title=page.title or None, title_justify="left")
        for name in names:
            table.add_column(Text(name), justify="right")
        for line in body:
            table.add_row(*(Text(cell.strip("*")) for cell in line))
        found.append(table)
    return found


def markdown(report: Report, plot: str | None = None) -> str:
    """For a document; `plot` is the file of the picture."""
    parts = [(f"### {page.title}\n\n" if page.title else "") + _markdown(page) for page in pages(report)]
    parts.append("\n".join(f"- {note}" for note in notes(report)))
    if plot is not None:
        parts.append(f"![Accuracy against what it takes]({plot})")
    return "\n\n".join(parts) + "\n"


def _markdown(page: Page) -> str:
    head, *body = [[cell.replace("|", "\\|") for cell in line] for line in page.lines]
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *body])


def _bounds(arm: ArmSummary) -> str:
    return NOTHING if arm.bounds is None else f"{100 * arm.bounds[0]:.1f} to {100 * arm.bounds[1]:.1f}"


def _money(value: float | None) -> str:
    return NOTHING if value is None else f"{1000 * value:.4g}"


def _number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def _percent(value: float | None, interval: Interval | None, sign: str = "") -> str:
    if value is None:
        return NOTHING
    bounds = "" if interval is None else f" [{100 * interval[0]:{sign}.1f}, {100 * interval[1]:{sign}.1f}]"
    return f"{100 * value:{sign}.1f}{bounds}"
