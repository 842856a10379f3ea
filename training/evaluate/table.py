"""A report as a table: one column per arm, one line per measure; for the terminal, or as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .intervals import Interval
from .report import Report
from .summary import ArmSummary

if TYPE_CHECKING:
    from rich.table import Table

NOTHING = "-"


def lines(report: Report) -> list[list[str]]:
    """The table's cells; the first line holds the arms' names, the first cell of each line its measure."""
    arms = report.summary.arms
    found = [
        ["", *(arm.arm for arm in arms)],
        ["accuracy, %", *(_percent(arm.accuracy, arm.interval) for arm in arms)],
        ["difference, points", *(_percent(arm.difference, arm.difference_interval, "+") for arm in arms)],
    ]
    for kind in ("kept", "thinking", "injected", "dropped", "auxiliary", "total", "completion"):
        found.append([_TOKENS.get(kind, f"{kind} tokens"), *(_number(getattr(arm, kind), 1) for arm in arms)])
    found += [
        ["tool calls", *(_number(arm.calls, 2) for arm in arms)],
        ["seconds, median", *(_number(arm.seconds_median, 3) for arm in arms)],
        ["seconds, p95", *(_number(arm.seconds_p95, 3) for arm in arms)],
        ["unfinished, %", *(_percent(arm.unfinished, None) for arm in arms)],
        ["finish", *(", ".join(f"{name} {count}" for name, count in arm.finish.items()) or NOTHING for arm in arms)],
        ["requests", *(str(arm.requests) for arm in arms)],
        ["errors", *(str(arm.errors) for arm in arms)],
    ]
    return found + [_difficulty(name, arms) for name in (arms[0].difficulty if arms else ())]


_TOKENS = {"total": "kept + dropped + auxiliary", "completion": "usage.completion_tokens"}


def _difficulty(name: str, arms: Iterable[ArmSummary]) -> list[str]:
    strata = [arm.difficulty[name] for arm in arms]
    return [f"accuracy, {name} (n={strata[0].questions})", *(_percent(of.accuracy, None) for of in strata)]


def notes(report: Report) -> list[str]:
    """What must be said with the table: how much it covers, what the intervals are, which errors there were."""
    summary, settings = report.summary, report.settings
    scope = f"{summary.questions} questions, {settings.samples} sample(s) each"
    said = [
        f"{settings.questions}: {scope}, model {settings.model}, concurrency {settings.concurrency}",
        "[low, high]: 95% percentile bootstrap over questions; differences are paired with the first arm",
        "tokens, calls and seconds: per answered request; tokens and calls are means",
    ]
    if summary.questions_incomplete:
        said.append(f"BROKEN OFF: {summary.questions_incomplete} more questions were not answered by every arm")
    errors = Counter(f"{row.arm}: {row.error}" for row in report.rows if row.error is not None)
    return said + [f"error, {count} times: {text}" for text, count in errors.most_common(5)]


def rich_table(report: Report) -> Table:
    """For the terminal."""
    from rich.table import Table
    from rich.text import Text

    (measure, *arms), *body = lines(report)
    table = Table(measure)
    for name in arms:
        table.add_column(Text(name), justify="right")
    for line in body:
        table.add_row(*(Text(cell) for cell in line))
    return table


def markdown(report: Report) -> str:
    """For a document."""
    head, *body = [[cell.replace("|", "\\|") for cell in line] for line in lines(report)]
    rule = ["---", *["---:"] * (len(head) - 1)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *body])
    return table + "\n\n" + "\n".join(f"- {note}" for note in notes(report)) + "\n"


def _number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def _percent(value: float | None, interval: Interval | None, sign: str = "") -> str:
    if value is None:
        return NOTHING
    bounds = "" if interval is None else f" [{100 * interval[0]:{sign}.1f}, {100 * interval[1]:{sign}.1f}]"
    return f"{100 * value:{sign}.1f}{bounds}"
