"""What must be said with a report's tables: how much they cover, what the intervals are, what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .report import Report
from .settings import block_size

_TURNS = (
    "arms take turns in blocks of up to {} requests, each alone on the server, so that drift meets all alike and each has "
    "its own wall-clock"
)


def notes(report: Report) -> list[str]:
    """One sentence each."""
    summary, settings = report.summary, report.settings
    scope = f"{summary.questions} questions, {settings.samples} sample(s) each"
    said = [
        f"{settings.questions}: {scope}, model {settings.model}, concurrency {settings.concurrency}",
        "[low, high]: 95% percentile bootstrap over questions; differences are paired with the first arm",
        "tokens, calls, dollars and seconds: per answered request; tokens and calls are means",
        _TURNS.format(block_size(settings.concurrency)),
    ]
    said += report.reused
    said += _prices(report)
    said += _baselines(report)
    if summary.questions_incomplete:
        said.append(f"BROKEN OFF: {summary.questions_incomplete} more questions were not answered by every arm")
    elif not report.complete:
        said.append("BROKEN OFF: baselines or timings are missing")
    return said + list(_missing(report))


def _prices(report: Report) -> Iterator[str]:
    if report.price is not None:
        price = report.price
        cached = "" if price.cached_input is None else f", cached input {price.cached_input:g}"
        yield f"dollars: by --price, per million tokens: input {price.input:g}{cached}, output {price.output:g}"
    elif any(arm.usd is not None for arm in report.summary.arms):
        yield "dollars: by the server's ledger"


def _baselines(report: Report) -> Iterator[str]:
    if not report.summary.baselines:
        return
    yield (
        "baselines were asked after the arms, whose figures they need; a vote's samples were drawn once, its seconds are "
        "those of its slowest sample, and its first sample counts even where it alone is over the tokens allowed"
    )
    for arm in report.summary.arms:
        for comparison in arm.against:
            if comparison.kind == "capped" and comparison.verdict in ("ties", "below"):
                than = "as good" if comparison.verdict == "ties" else "better"
                yield f"{arm.arm} {comparison.verdict} the capped baseline: plain thinking cut at its mean is {than}"


def _missing(report: Report) -> Iterator[str]:
    """Failed and ungraded requests are in no accuracy; here is what they are."""
    shown = [*report.summary.arms, *report.summary.baselines]
    if any(arm.errors or arm.ungraded for arm in shown):
        yield "failed and ungraded requests count neither as right nor as wrong"
    names = {arm.arm for arm in shown}
    rows = [row for row in report.rows if row.arm in names or not shown]
    errors = Counter(f"{row.arm}: {row.error}" for row in rows if row.error is not None)
    yield from (f"failed, {count} times: {text}" for text, count in errors.most_common(5))
    if waiting := sum(row.ungraded and row.grader is None for row in rows):
        yield f"not graded yet: {waiting}; --resume grades them"
    ungraded = Counter(f"{row.arm}: {row.why}" for row in rows if row.ungraded and row.grader is not None)
    yield from (f"ungraded, {count} times: {text}" for text, count in ungraded.most_common(5))
