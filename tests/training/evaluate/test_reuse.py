"""Plain responses of another report: which serve a run, and which do not."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.training.evaluate.arms import Arm
from flyball.training.evaluate.questions import Question, QuestionSet
from flyball.training.evaluate.report import Report, make_report
from flyball.training.evaluate.reuse import reusable, told
from flyball.training.evaluate.rows import Row
from flyball.training.evaluate.settings import Settings, define

TRIMR: dict[str, Any] = {"controllers": [{"name": "trimr"}]}


def settings(*arms: Arm, sha: str = "0", **more: Any) -> Settings:
    questions = QuestionSet("q", sha, [Question("a", "?", "1"), Question("b", "?", "1")])
    values = {"model": "m", "samples": 2, "seed": 0, "sampling": {"temperature": 0.6}, "concurrency": 1, "timeout": 1.0}
    return define(questions, arms, **(values | more))


def earlier() -> Report:
    """Two questions, two samples: plain, trimr, and one plain request that failed."""
    asked = settings(Arm("as it is"), Arm("trimr", TRIMR), samples=3)
    units = [(question, sample) for question in "ab" for sample in range(3)]
    rows = [
        Row(question=question, arm=arm, sample=sample, seed=sample, seconds=1.0, content="1", correct=True, grader="g")
        for question, sample in units
        for arm in ("as it is", "trimr")
        if (question, sample, arm) != ("b", 1, "as it is")
    ]
    rows.append(Row(question="b", arm="as it is", sample=1, seed=1, seconds=1.0, error="HTTP 500"))
    return make_report(asked, [Question(id, "?", "1") for id in "ab"], rows, {})


def taken(run: Settings) -> set[tuple[str, str, int]]:
    return {row.key for row in reusable(earlier(), run, {"a", "b"})}


def test_answered_plain_requests_serve_under_the_arms_own_name() -> None:
    """The third samples are not asked for here, the failed one is asked again, and trimr is no plain arm."""
    run = settings(Arm("plain"), Arm("trimr", TRIMR))

    assert taken(run) == {("a", "plain", 0), ("a", "plain", 1), ("b", "plain", 0)}


def test_questions_that_are_not_asked_are_left_out() -> None:
    run = settings(Arm("plain"))

    assert {row.question for row in reusable(earlier(), run, {"a"})} == {"a"}


@pytest.mark.parametrize(
    "run",
    [
        settings(Arm("plain"), sha="1"),
        settings(Arm("plain"), seed=1),
        settings(Arm("plain"), model="other"),
        settings(Arm("plain"), sampling={"temperature": 0.7}),
        settings(Arm("plain", None, {"max_tokens": 9})),
        settings(Arm("preset", None, {"model": "m:fast"})),
    ],
    ids=["questions", "seed", "model", "sampling", "arm's sampling", "preset"],
)
def test_nothing_serves_a_run_that_asks_differently(run: Settings) -> None:
    assert taken(run) == set()


def test_the_report_says_what_it_took() -> None:
    rows = list(reusable(earlier(), settings(Arm("plain")), {"a", "b"}))

    assert told("chain.json", rows) == ["plain: 3 responses are those of chain.json; they have no wall-clock here"]
