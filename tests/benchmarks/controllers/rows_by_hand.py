"""Rows and reports of a few numbers, for figures worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flyball.training.evaluate.arms import Arm
from flyball.training.evaluate.questions import Question, QuestionSet
from flyball.training.evaluate.report import Report, make_report
from flyball.training.evaluate.rows import Row, Tokens
from flyball.training.evaluate.settings import define
from flyball.training.evaluate.timing import Timing


def row(question: str, arm: str = "plain", *, correct: bool | None = True, thinking: int = 0, **more: Any) -> Row:
    """A row; `dropped` and `auxiliary` are tokens besides, `acted` names the controller that did something."""
    dropped, auxiliary = more.pop("dropped", 0), more.pop("auxiliary", 0)
    kept = more.pop("kept", thinking + 10)
    tokens = Tokens(kept=kept, thinking=thinking, injected=0, dropped=dropped, auxiliary=auxiliary)
    acted = [{"controller": more.pop("acted")}] if "acted" in more else []
    values: dict[str, Any] = {
        "sample": 0,
        "seed": 0,
        "seconds": 1.0,
        "tokens": tokens,
        "acted": acted,
        "grader": "g",
    } | more
    return Row(question=question, arm=arm, correct=correct, **values)


def report(
    rows: Sequence[Row], arms: Sequence[str] | Sequence[Arm], timings: Sequence[Timing] = (), samples: int = 1
) -> Report:
    """A report of these rows."""
    questions = [Question(id, "?", "1") for id in dict.fromkeys(each.question for each in rows)]
    made = [arm if isinstance(arm, Arm) else Arm(arm) for arm in arms]
    settings = define(
        QuestionSet("q.jsonl", "0", questions),
        made,
        model="pocket",
        samples=samples,
        seed=0,
        sampling={"temperature": 0.6},
        concurrency=64,
        timeout=1.0,
    )
    return make_report(settings, questions, rows, {}, timings=timings)


def timing(arm: str, block: int, seconds: float) -> Timing:
    """One block."""
    return Timing(arm=arm, concurrency=64, block=block, seconds=seconds, latencies=[1.0])
