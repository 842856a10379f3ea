"""A run's arms as a table, one line an arm, with its baselines beside it."""

from collections.abc import Iterator, Mapping

from flyball.training.evaluate.intervals import Interval
from flyball.training.evaluate.report import Report
from flyball.training.evaluate.summary import ArmSummary

UNEXPLAINED = "not yet explained"
_KINDS = {"capped": "against capped", "vote": "against a vote", "no_thinking": "against no thinking"}


def arms_table(report: Report, why: Mapping[str, str]) -> Iterator[list[str]]:
    """The head, then the arms. `why`: by arm, a sentence where it does not do more than its capped baseline does."""
    arms, compared = report.summary.arms, bool(report.summary.baselines)
    yield [
        *("", "right", "against the first", "thinking tokens", "tokens in all", "calls", "seconds, median"),
        *(_KINDS.values() if compared else ()),
        *(["why no effect"] if compared else ()),
    ]
    for arm in arms:
        yield [
            arm.arm,
            _percent(arm.accuracy, arm.interval),
            _percent(arm.difference, arm.difference_interval, "+"),
            _number(arm.thinking, 1),
            _number(arm.sampled, 1),
            _number(arm.calls, 2),
            _number(arm.seconds_median, 1),
            *(_against(arm, kind) for kind in (_KINDS if compared else ())),
            *((["-"] if arm is arms[0] else [_why(arm, why)]) if compared else ()),
        ]


def without_effect(arm: ArmSummary) -> bool:
    """Whether plain thinking, cut at the arm's mean, is as good or better."""
    return any(each.kind == "capped" and each.verdict in ("ties", "below") for each in arm.against)


def _why(arm: ArmSummary, why: Mapping[str, str]) -> str:
    return why.get(arm.arm, UNEXPLAINED) if without_effect(arm) else "-"


def _against(arm: ArmSummary, kind: str) -> str:
    found = next((each for each in arm.against if each.kind == kind), None)
    if found is None or found.difference is None:
        return "-"
    return f"{found.verdict}: {_percent(found.difference, found.interval, '+')}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None, interval: Interval | None, sign: str = "") -> str:
    if value is None:
        return "-"
    bounds = "" if interval is None else f" [{100 * interval[0]:{sign}.1f}, {100 * interval[1]:{sign}.1f}]"
    return f"{100 * value:{sign}.1f}{bounds}"
