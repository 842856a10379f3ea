"""adaptive_think against always thinking, and against an oracle that thinks only where the answer without fails."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from flyball.training.evaluate.report import Report
from flyball.training.evaluate.rows import Row

from ..asking import Workshop
from ..decision_time import decision_times
from ..findings import Findings, Goal, Table
from ..rows import Unit, accuracy, arms_of, mean, of_arm, percent, points, sampled, share, thinking

ALWAYS, NEVER = "always think", "never think"
_SAVED, _DROP = 0.8, 0.01
_EMPTY = 4
"""Tokens that an empty block of thinking has at most."""


class Choice(NamedTuple):
    """What an arm, or the oracle, comes to."""

    accuracy: float
    tokens: float
    """Sampled for a request, questions of the decision included."""
    thought: float
    """The share of requests with thinking."""


def oracle(always: Mapping[Unit, Row], never: Mapping[Unit, Row]) -> Choice:
    """Thinks where the answer without is wrong, and nowhere else; its decision is free.

    Example: without thinking 3 of 4 are right for 10 tokens each, with it all are for 100: 4 of 4 for 32.5 tokens.
    """
    units = [unit for unit in always if unit in never]
    chosen = [never[unit] if never[unit].correct else always[unit] for unit in units]
    thought = mean(not never[unit].correct for unit in units)
    return Choice(accuracy(chosen), mean(map(sampled, chosen)), thought)


def choice(rows: Mapping[Unit, Row]) -> Choice:
    """Of an arm."""
    found = rows.values()
    return Choice(accuracy(found), mean(map(sampled, found)), mean(thinking(row) > _EMPTY for row in found))


def saved(arm: Choice, always: Choice, best: Choice) -> float | None:
    """The share of the oracle's saving. Example: always 100, oracle 32.5, the arm 46: 0.8."""
    return share(always.tokens - arm.tokens, always.tokens - best.tokens)


def best_of(choices: Mapping[str, Choice], always: Choice, oracle: Choice) -> str | None:
    """The mode that saves most among those within a point of always thinking."""
    near = {name: found for name, found in choices.items() if found.accuracy >= always.accuracy - _DROP}
    return max(near, key=lambda name: saved(near[name], always, oracle) or 0.0, default=None)


def find(reports: Mapping[str, Report], shop: Workshop) -> Findings:
    """Part of a study."""
    goals, tables, figures = list[Goal](), list[Table](), {}
    for name, report in reports.items():
        choices = {arm: choice(of_arm(report, arm)) for arm in arms_of(report)}
        ideal = oracle(of_arm(report, ALWAYS), of_arm(report, NEVER))
        tables.append(Table(f"{name}: beside the oracle", list(_lines(choices, ideal))))
        figures[name] = {arm: found._asdict() for arm, found in choices.items()} | {"oracle": ideal._asdict()}
        if name == "easy_heavy":
            goals += _goals(choices, ideal)
    times = decision_times(shop.scale.questions)
    return Findings(
        goals=goals,
        tables=[*tables, Table("Time to decide where nobody is asked", times)],
        figures=figures,
        notes=[
            "the oracle knows beforehand which questions the model fails without thinking; its decision costs nothing"
        ],
    )


def _goals(choices: Mapping[str, Choice], ideal: Choice) -> Iterator[Goal]:
    always = choices[ALWAYS]
    modes = {name: found for name, found in choices.items() if name not in (ALWAYS, NEVER)}
    best = best_of(modes, always, ideal)
    what = "adaptive_think on easy_heavy, the best mode within a point of always thinking"
    if best is None:
        yield Goal(what, f"≥ {percent(_SAVED, 0)} of the oracle's saving", "no mode is", False)
        return
    part, difference = saved(modes[best], always, ideal), modes[best].accuracy - always.accuracy
    found = f"{best}: {percent(part)}, {points(difference)}"
    yield Goal(what, f"≥ {percent(_SAVED, 0)} of the oracle's saving", found, part is not None and part >= _SAVED)


def _lines(choices: Mapping[str, Choice], ideal: Choice) -> Iterator[list[str]]:
    yield ["", "right", "against always thinking", "tokens in all", "of the oracle's saving", "thought"]
    always = choices[ALWAYS]
    for name, found in {**choices, "oracle": ideal}.items():
        yield [
            name,
            percent(found.accuracy),
            points(found.accuracy - always.accuracy),
            f"{found.tokens:.1f}",
            percent(saved(found, always, ideal)),
            percent(found.thought),
        ]
