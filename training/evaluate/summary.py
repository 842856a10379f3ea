"""Aggregates per arm, computed from rows alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import Any, Literal

import msgspec

from ...core.model import Price
from .baselines import Baseline
from .comparison import Comparison, compare
from .cost import Dollars, dollars
from .intervals import Interval, mean_interval
from .questions import Question
from .rows import Row, Tokens
from .settings import Settings
from .timing import Timing, WallClock, percentile95, wall_clock

Kind = Literal["arm", "capped", "no_thinking", "vote"]


class Stratum(msgspec.Struct, frozen=True, kw_only=True):
    """Accuracy on the questions of one difficulty."""

    questions: int
    """Those with a graded response."""
    accuracy: float


class ArmSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One arm's aggregates. Means of tokens, calls and dollars are per request that was answered; None where the server did not tell.

    Accuracy is a mean over questions of the mean over their graded samples: requests that failed, and responses that
    could not be graded, are in neither. `bounds` says what they could make of it.
    """

    arm: str
    kind: Kind = "arm"
    parent: str | None = None
    """Of a baseline: the arm that it was made for."""
    allowed: int | None = None
    """Of a baseline: the cap on thinking, or the tokens that its samples may take together."""
    accuracy: float | None
    interval: Interval | None
    bounds: Interval | None
    """Accuracy if all that is missing were wrong, and if it were right; None when nothing is missing."""
    difference: float | None
    """To the first arm, over the same questions; None for the first arm itself."""
    difference_interval: Interval | None
    against: list[Comparison] = []
    """With its baselines, over the same questions."""
    kept: float | None
    thinking: float | None
    injected: float | None
    dropped: float | None
    auxiliary: float | None
    total: float | None
    """kept + dropped + auxiliary."""
    completion: float | None
    """`usage.completion_tokens`, which every server tells."""
    sampled: float | None
    """`total`, else `completion`: what the plot shows."""
    sampled_interval: Interval | None
    prompt: float | None
    calls: float | None
    """Calls of tools that the server made."""
    usd: float | None
    """Dollars per request."""
    usd_interval: Interval | None
    usd_correct: float | None
    """Dollars of all graded requests per right one (cost of pass); None without dollars or without a right one."""
    seconds_median: float | None
    seconds_p95: float | None
    """Nearest rank. Both are over the requests that were answered."""
    wall_clocks: list[WallClock] = []
    """One per concurrency."""
    finish: dict[str, int]
    unfinished: float
    """The part of all requests that ended for length."""
    requests: int
    errors: int
    """Requests that failed."""
    ungraded: int
    """Responses that the grader could not judge."""
    unanswered: int
    """Graded responses without an answer that can be read: they are wrong."""
    votes: float | None = None
    """Samples per vote."""
    grading_tokens: int = 0
    """Of a judge model, prompts and verdicts; not part of what the arm costs."""
    grading_usd: float = 0.0
    difficulty: dict[str, Stratum]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All arms over the questions that every arm has been asked with all samples: the others would not be paired."""

    questions: int
    questions_incomplete: int
    arms: list[ArmSummary]
    """Those of the run, in its order."""
    baselines: list[ArmSummary] = []
    """Those that were asked to the end, in the order of their arms."""

    def of(self, parent: str) -> list[ArmSummary]:
        """The baselines of an arm."""
        return [arm for arm in self.baselines if arm.parent == parent]


class _Answers:
    """The rows of one arm over some questions."""

    def __init__(self, questions: Sequence[Question], rows: Mapping[str, Sequence[Row]]) -> None:
        self.questions = questions
        self.rows = [row for question in questions for row in rows.get(question.id, ())]
        self.scores_Q = [_score(rows.get(question.id, ())) for question in questions]
        self._by_question = rows

    def bounds(self) -> Interval | None:
        """Accuracy with all that is missing wrong, and right."""
        if all(row.correct is not None for row in self.rows):
            return None
        asked = [self._by_question.get(question.id, ()) for question in self.questions]
        low, high = (
            fmean(fmean(assumed if row.correct is None else row.correct for row in rows) for rows in asked)
            for assumed in (False, True)
        )
        return low, high


def summarise(
    settings: Settings,
    questions: Sequence[Question],
    rows: Sequence[Row],
    baselines: Sequence[Baseline] = (),
    timings: Sequence[Timing] = (),
    price: Price | None = None,
) -> Summary:
    """The aggregates of a run, whole or broken off."""
    complete = _complete(settings, questions, rows)
    if not complete:
        return Summary(questions=0, questions_incomplete=len(questions), arms=[])
    by_arm: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_arm[row.arm][row.question].append(row)
    answers = {name: _Answers(complete, of) for name, of in by_arm.items()}
    whole = len(complete) * settings.samples
    made = [
        baseline for baseline in baselines if baseline.name in answers and len(answers[baseline.name].rows) == whole
    ]
    usd, first = dollars(price, rows), settings.arms[0].name

    def summary(name: str, of: Sequence[Baseline], own: Baseline | None = None) -> ArmSummary:
        found = _arm_summary(name, answers[name], None if name == first else answers[first].scores_Q, usd)
        against = [
            compare(baseline.name, baseline.kind, answers[baseline.name].scores_Q, answers[name].scores_Q)
            for baseline in of
        ]
        clocks = _clocks([timing for timing in timings if timing.arm == name])
        changes = {} if own is None else {"kind": own.kind, "parent": own.parent, "allowed": own.tokens}
        return msgspec.structs.replace(found, against=against, wall_clocks=clocks, **changes)

    return Summary(
        questions=len(complete),
        questions_incomplete=len(questions) - len(complete),
        arms=[summary(arm.name, [each for each in made if each.parent == arm.name]) for arm in settings.arms],
        baselines=[summary(baseline.name, (), baseline) for baseline in made],
    )


def _complete(settings: Settings, questions: Sequence[Question], rows: Sequence[Row]) -> list[Question]:
    own = {arm.name for arm in settings.arms}
    count = Counter(row.question for row in rows if row.arm in own)
    return [question for question in questions if count[question.id] == len(settings.arms) * settings.samples]


def _score(rows: Iterable[Row]) -> float | None:
    graded = [row.correct for row in rows if row.correct is not None]
    return fmean(graded) if graded else None


def _clocks(timings: Sequence[Timing]) -> list[WallClock]:
    by_concurrency: dict[int, list[Timing]] = defaultdict(list)
    for timing in timings:
        by_concurrency[timing.concurrency].append(timing)
    return [wall_clock(concurrency, of) for concurrency, of in sorted(by_concurrency.items())]


def _arm_summary(name: str, own: _Answers, first_Q: Sequence[float | None] | None, usd: Dollars) -> ArmSummary:
    rows = own.rows
    answered = [row for row in rows if row.error is None]
    seconds = sorted(row.seconds for row in answered)
    finish = Counter(row.finish or "unknown" for row in answered)
    scores = [score for score in own.scores_Q if score is not None]
    difference = None if first_Q is None else compare("", "arm", first_Q, own.scores_Q)
    return ArmSummary(
        arm=name,
        accuracy=fmean(scores) if scores else None,
        interval=mean_interval(scores),
        bounds=own.bounds(),
        difference=None if difference is None else difference.difference,
        difference_interval=None if difference is None else difference.interval,
        **_means(answered),
        sampled_interval=_interval(answered, {row.key: row.sampled for row in answered}),
        **_money(rows, answered, usd),
        seconds_median=median(seconds) if seconds else None,
        seconds_p95=percentile95(seconds),
        finish=dict(finish.most_common()),
        unfinished=finish["length"] / len(rows),
        requests=len(rows),
        errors=len(rows) - len(answered),
        ungraded=sum(row.ungraded for row in rows),
        unanswered=sum(row.correct is not None and row.answer is None for row in rows),
        votes=_mean(row.votes for row in answered),
        grading_tokens=sum(row.grading.prompt_tokens + row.grading.completion_tokens for row in rows if row.grading),
        grading_usd=sum(row.grading.usd for row in rows if row.grading),
        difficulty=_by_difficulty(own.questions, own.scores_Q),
    )


def _means(rows: Sequence[Row]) -> dict[str, Any]:
    told = [row.tokens for row in rows if row.tokens is not None]
    means: dict[str, Any] = {
        kind: _mean(getattr(tokens, kind) for tokens in told) for kind in (*Tokens.__struct_fields__, "total")
    }
    means["completion"] = _mean(row.completion_tokens for row in rows)
    means["sampled"] = _mean(row.sampled for row in rows)
    means["prompt"] = _mean(row.prompt_tokens for row in rows)
    means["calls"] = _mean(row.calls for row in rows)
    return means


def _money(rows: Sequence[Row], answered: Sequence[Row], usd: Dollars) -> dict[str, Any]:
    spent = {row.key: usd(row) for row in answered}
    graded = [spent[row.key] for row in rows if row.correct is not None]
    right = sum(bool(row.correct) for row in rows)
    known = [dollars for dollars in graded if dollars is not None]
    return {
        "usd": _mean(spent.values()),
        "usd_interval": _interval(answered, spent),
        "usd_correct": sum(known) / right if right and len(known) == len(graded) else None,
    }


def _interval(rows: Sequence[Row], values: Mapping[tuple[str, str, int], float | None]) -> Interval | None:
    """Over questions, as those of accuracy are."""
    by_question: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if (value := values[row.key]) is not None:
            by_question[row.question].append(value)
    return mean_interval([fmean(of) for of in by_question.values()])


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _by_difficulty(questions: Sequence[Question], scores_Q: Sequence[float | None]) -> dict[str, Stratum]:
    scores: dict[str, list[float]] = defaultdict(list)
    for question, score in zip(questions, scores_Q, strict=True):
        if question.difficulty is not None and score is not None:
            scores[question.difficulty].append(score)
    return {name: Stratum(questions=len(of), accuracy=fmean(of)) for name, of in sorted(scores.items())}
