"""Aggregates per arm, computed from rows alone."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean, median

import msgspec

from .intervals import Interval, mean_interval, paired_interval
from .questions import Question
from .rows import Row, Tokens
from .settings import Settings


class Stratum(msgspec.Struct, frozen=True, kw_only=True):
    """Accuracy on the questions of one difficulty."""

    questions: int
    accuracy: float


class ArmSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One arm's aggregates. Means of tokens and calls are per request that was answered; None where the server did not tell."""

    arm: str
    accuracy: float
    interval: Interval | None
    difference: float | None
    """To the baseline, over the same questions; None for the baseline itself."""
    difference_interval: Interval | None
    kept: float | None
    thinking: float | None
    injected: float | None
    dropped: float | None
    auxiliary: float | None
    total: float | None
    """kept + dropped + auxiliary."""
    completion: float | None
    """`usage.completion_tokens`, which every server tells."""
    prompt: float | None
    calls: float | None
    """Calls of tools that the server made."""
    seconds_median: float | None
    seconds_p95: float | None
    """Nearest rank. Both are over the requests that were answered."""
    finish: dict[str, int]
    unfinished: float
    """The part of all requests that ended for length."""
    requests: int
    errors: int
    difficulty: dict[str, Stratum]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All arms over the questions that every arm has answered with all samples: the others would not be paired."""

    questions: int
    questions_incomplete: int
    arms: list[ArmSummary]


def summarise(settings: Settings, questions: Sequence[Question], rows: Sequence[Row]) -> Summary:
    """The aggregates of a run, whole or broken off."""
    complete = _complete(settings, questions, rows)
    by_arm: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_arm[row.arm][row.question].append(row)
    scores_A_Q = [[fmean(row.correct for row in by_arm[arm.name][q.id]) for q in complete] for arm in settings.arms]
    arms = [
        _arm_summary(
            arm.name,
            complete,
            [row for question in complete for row in by_arm[arm.name][question.id]],
            scores_A_Q[index],
            scores_A_Q[0] if index else None,
        )
        for index, arm in enumerate(settings.arms)
        if complete
    ]
    return Summary(questions=len(complete), questions_incomplete=len(questions) - len(complete), arms=arms)


def _complete(settings: Settings, questions: Sequence[Question], rows: Sequence[Row]) -> list[Question]:
    count = Counter(row.question for row in rows)
    return [question for question in questions if count[question.id] == len(settings.arms) * settings.samples]


def _arm_summary(
    name: str, questions: Sequence[Question], rows: Sequence[Row], scores_Q: list[float], baseline_Q: list[float] | None
) -> ArmSummary:
    seconds = sorted(row.seconds for row in rows if row.error is None)
    finish = Counter(row.finish or "unknown" for row in rows if row.error is None)
    differences = None if baseline_Q is None else [a - b for a, b in zip(scores_Q, baseline_Q, strict=True)]
    return ArmSummary(
        arm=name,
        accuracy=fmean(scores_Q),
        interval=mean_interval(scores_Q),
        difference=None if differences is None else fmean(differences),
        difference_interval=None if baseline_Q is None else paired_interval(baseline_Q, scores_Q),
        **_means(rows),
        seconds_median=median(seconds) if seconds else None,
        seconds_p95=seconds[math.ceil(0.95 * len(seconds)) - 1] if seconds else None,
        finish=dict(finish.most_common()),
        unfinished=finish["length"] / len(rows),
        requests=len(rows),
        errors=sum(row.error is not None for row in rows),
        difficulty=_by_difficulty(questions, scores_Q),
    )


def _means(rows: Sequence[Row]) -> dict[str, float | None]:
    told = [row.tokens for row in rows if row.tokens is not None]
    means = {kind: _mean(getattr(tokens, kind) for tokens in told) for kind in (*Tokens.__struct_fields__, "total")}
    means["completion"] = _mean(row.completion_tokens for row in rows)
    means["prompt"] = _mean(row.prompt_tokens for row in rows)
    means["calls"] = _mean(row.calls for row in rows)
    return means


def _mean(values: Iterable[int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _by_difficulty(questions: Sequence[Question], scores_Q: Sequence[float]) -> dict[str, Stratum]:
    scores: dict[str, list[float]] = defaultdict(list)
    for question, score in zip(questions, scores_Q, strict=True):
        if question.difficulty is not None:
            scores[question.difficulty].append(score)
    return {name: Stratum(questions=len(of), accuracy=fmean(of)) for name, of in sorted(scores.items())}
