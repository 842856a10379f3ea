"""The budget block against the same hard limit without it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean
from typing import NamedTuple

from flyball.core.ledger import tool_calls
from flyball.training.evaluate.comparison import compare
from flyball.training.evaluate.report import Report
from flyball.training.evaluate.rows import Row

from ..asking import Workshop
from ..findings import Findings, Goal, Table
from ..rows import Unit, accuracy, arms_of, mean, of_arm, percent, points

_ARM = re.compile(r"(?P<calls>\d+) calls?, (?P<how>limit alone|budget_tracker)")
_SEARCH = tool_calls("search")


class Spent(NamedTuple):
    """What an arm did with its calls; means per request."""

    calls: float
    unspent: float
    over: int
    """Requests that spent more than they may: there must be none."""


def spent(rows: Iterable[Row]) -> Spent:
    """By the ledger. Example: limits of 4 with 1 and 4 spent: 2.5 calls, 1.5 unspent, 0 over."""
    items = [row.ledger[_SEARCH] for row in rows if row.ledger is not None and _SEARCH in row.ledger]
    pairs = [(float(item["spent"]), float(item["limit"])) for item in items]
    return Spent(
        mean(used for used, _ in pairs),
        mean(limit - used for used, limit in pairs),
        sum(used > limit for used, limit in pairs),
    )


def find(reports: Mapping[str, Report], shop: Workshop) -> Findings:
    """Part of a study."""
    goals, tables, figures = list[Goal](), list[Table](), {}
    for name, report in reports.items():
        arms = {arm: of_arm(report, arm) for arm in arms_of(report)}
        tables.append(Table(f"{name}: calls", list(_lines(arms))))
        figures[name] = {arm: spent(rows.values())._asdict() for arm, rows in arms.items()}
        goals += _goals(name, arms)
    return Findings(goals=goals, tables=tables, figures=figures)


def _goals(name: str, arms: Mapping[str, Mapping[Unit, Row]]) -> Iterator[Goal]:
    for calls, alone, tracked in _pairs(arms):
        compared = compare("", "", *_by_question(arms[alone], arms[tracked]))
        if compared.difference is None:
            continue
        found = points(compared.difference) + (" (within chance)" if compared.verdict == "ties" else "")
        title = f"budget_tracker on {name}, {calls} calls: accuracy against the limit alone"
        yield Goal(title, "not below", found, compared.verdict != "below")
    over = sum(spent(rows.values()).over for rows in arms.values())
    yield Goal(f"budgets on {name}: requests over their budget", "0", str(over), over == 0)


def _pairs(arms: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    """Calls, the arm with the limit alone, the arm with the block."""
    found = {(int(match["calls"]), match["how"]): arm for arm in arms if (match := _ARM.fullmatch(arm))}
    for (calls, how), arm in found.items():
        if how == "limit alone":
            yield calls, arm, found[calls, "budget_tracker"]


def _by_question(one: Mapping[Unit, Row], other: Mapping[Unit, Row]) -> tuple[list[float], list[float]]:
    """Scores of both, of the questions that both answered."""
    first, second = _scores(one), _scores(other)
    ids = [id for id in first if id in second]
    return [first[id] for id in ids], [second[id] for id in ids]


def _scores(rows: Mapping[Unit, Row]) -> dict[str, float]:
    found: dict[str, list[bool]] = defaultdict(list)
    for (question, _), row in rows.items():
        found[question].append(bool(row.correct))
    return {question: fmean(right) for question, right in found.items()}


def _lines(arms: Mapping[str, Mapping[Unit, Row]]) -> Iterator[list[str]]:
    yield ["", "right", "calls", "unspent", "over"]
    for arm, rows in arms.items():
        found = spent(rows.values())
        cells = [percent(accuracy(rows.values())), f"{found.calls:.2f}", f"{found.unspent:.2f}", str(found.over)]
        yield [arm, *cells]
