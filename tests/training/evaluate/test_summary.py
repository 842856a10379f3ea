"""Aggregates and tables, from rows written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.training.evaluate.arms import Arm
from flyball.training.evaluate.notes import notes
from flyball.training.evaluate.questions import Question, QuestionSet
from flyball.training.evaluate.report import load_report, make_report, save_report
from flyball.training.evaluate.rows import Cost, Row, Tokens
from flyball.training.evaluate.settings import Settings, define
from flyball.training.evaluate.summary import Stratum, summarise
from flyball.training.evaluate.table import lines, markdown, rich_tables

QUESTIONS = [Question("a", "?", "1", "easy"), Question("b", "?", "1", "hard"), Question("c", "?", "1", "easy")]


def settings(*arms: str, samples: int = 1) -> Settings:
    return define(
        QuestionSet("q.jsonl", "0", QUESTIONS),
        [Arm(name) for name in arms],
        model="pocket",
        samples=samples,
        seed=0,
        sampling={},
        concurrency=1,
        timeout=1.0,
    )


def row(question: str, arm: str, correct: bool | None, sample: int = 0, **more: object) -> Row:
    values = {"seconds": 1.0, "finish": "stop", "grader": "math", "answer": "1"} | more
    return Row(question=question, arm=arm, sample=sample, seed=0, correct=correct, **values)  # type: ignore[arg-type]


def both(better: list[bool]) -> list[Row]:
    """A baseline that is right on the first question only, and another arm."""
    baseline = [row(q.id, "plain", q.id == "a") for q in QUESTIONS]
    return baseline + [row(q.id, "other", correct) for q, correct in zip(QUESTIONS, better, strict=True)]


def test_accuracy_and_difference_are_means_over_questions() -> None:
    """1/3 and 2/3; the baseline has no difference to itself."""
    plain, other = summarise(settings("plain", "other"), QUESTIONS, both([True, True, False])).arms

    assert plain.accuracy == other.difference == pytest.approx(1 / 3)
    assert other.accuracy == pytest.approx(2 / 3)
    assert (plain.difference, plain.difference_interval) == (None, None)
    assert other.difference_interval == (0.0, 1.0)


def test_equal_arms_differ_by_nothing() -> None:
    """Exactly."""
    _, other = summarise(settings("plain", "other"), QUESTIONS, both([True, False, False])).arms

    assert (other.difference, other.difference_interval) == (0.0, (0.0, 0.0))


def test_samples_are_averaged_within_their_question_first() -> None:
    """The interval is over questions: two samples of one question are not two observations."""
    rows = [row(q.id, "plain", sample == 0, sample) for q in QUESTIONS for sample in range(2)]
    (plain,) = summarise(settings("plain", samples=2), QUESTIONS, rows).arms

    assert (plain.accuracy, plain.interval, plain.requests) == (0.5, (0.5, 0.5), 6)


def test_accuracy_is_given_for_each_difficulty() -> None:
    """Two easy questions, one of them right, and a hard one."""
    plain, _ = summarise(settings("plain", "other"), QUESTIONS, both([True, True, True])).arms

    assert plain.difficulty == {
        "easy": Stratum(questions=2, accuracy=0.5),
        "hard": Stratum(questions=1, accuracy=0.0),
    }


def test_tokens_are_means_over_answered_requests() -> None:
    """An error has no tokens; the total leaves out the injected ones."""
    tokens = [Tokens(kept=kept, thinking=5, injected=3, dropped=10, auxiliary=2) for kept in (20, 40)]
    rows = [
        row("a", "plain", True, tokens=tokens[0], completion_tokens=20, prompt_tokens=7),
        row("b", "plain", True, tokens=tokens[1], completion_tokens=40, prompt_tokens=9),
        row("c", "plain", None, error="HTTP 500: x", finish=None),
    ]
    (plain,) = summarise(settings("plain"), QUESTIONS, rows).arms

    assert (plain.kept, plain.thinking, plain.injected, plain.dropped, plain.auxiliary) == (30, 5, 3, 10, 2)
    assert (plain.total, plain.completion, plain.prompt) == (42, 30, 8)
    assert (plain.sampled, plain.sampled_interval) == (42, (32, 52))


def test_calls_of_all_tools_are_counted_where_the_server_keeps_a_ledger() -> None:
    """Three calls of two tools, none, and a server that does not tell."""
    busy = {
        "tool_calls.python": {"spent": 2.0, "limit": 5.0},
        "tool_calls.search": {"spent": 1.0},
        "tokens": {"spent": 9},
    }
    rows = [
        row("a", "plain", True, ledger=busy),
        row("b", "plain", True, ledger={"tokens": {"spent": 9.0}}),
        row("c", "plain", True),
    ]

    (plain,) = summarise(settings("plain"), QUESTIONS, rows).arms

    assert plain.calls == pytest.approx(1.5)
    assert summarise(settings("plain"), QUESTIONS, [row(q.id, "plain", True) for q in QUESTIONS]).arms[0].calls is None


def test_seconds_and_finish_reasons_are_those_of_answered_requests() -> None:
    """Median, 95th percentile by nearest rank, and the part that ended for length."""
    rows = [row("a", "plain", True, seconds=1.0), row("b", "plain", True, seconds=9.0, finish="length")]
    rows.append(row("c", "plain", None, seconds=77.0, error="late", finish=None))
    (plain,) = summarise(settings("plain"), QUESTIONS, rows).arms

    assert (plain.seconds_median, plain.seconds_p95) == (5.0, 9.0)
    assert plain.finish == {"stop": 1, "length": 1}
    assert plain.unfinished == pytest.approx(1 / 3)


def test_only_errors_give_no_means() -> None:
    """There is nothing to average, and that is said."""
    rows = [row(q.id, "plain", None, error="down", finish=None) for q in QUESTIONS]
    (plain,) = summarise(settings("plain"), QUESTIONS, rows).arms

    assert (plain.accuracy, plain.errors, plain.kept, plain.seconds_median) == (None, 3, None, None)
    assert plain.bounds == (0.0, 1.0)


def test_failed_and_ungraded_requests_are_neither_right_nor_wrong() -> None:
    """Right, failed, ungraded: accuracy is 1 of 1; with the two others it may be anything from 1/3 to 1."""
    rows = [
        row("a", "plain", True),
        row("b", "plain", None, error="HTTP 500: x"),
        row("c", "plain", None, why="judge: it cannot be reached"),
    ]
    report = make_report(settings("plain"), QUESTIONS, rows, {})
    (plain,) = report.summary.arms

    assert (plain.accuracy, plain.errors, plain.ungraded) == (1.0, 1, 1)
    assert plain.bounds == pytest.approx((1 / 3, 1.0))
    table = {line[0]: line[1:] for line in lines(report)}
    assert (table["failed"], table["ungraded"]) == (["1"], ["1"])
    assert table["accuracy if failed and ungraded were wrong to right, %"] == ["33.3 to 100.0"]
    said = "\n".join(notes(report))
    assert "failed, 1 times: plain: HTTP 500: x" in said
    assert "ungraded, 1 times: plain: judge: it cannot be reached" in said


def test_arms_are_compared_where_both_were_graded() -> None:
    """Question b is missing from one arm, so that its point of 100 counts nowhere: 1/2 on a and c."""
    rows = [row("a", "plain", False), row("b", "plain", False), row("c", "plain", True)]
    rows += [row("a", "other", True), row("b", "other", None, error="x"), row("c", "other", True)]
    _, other = summarise(settings("plain", "other"), QUESTIONS, rows).arms

    assert (other.accuracy, other.difference) == (1.0, 0.5)


def test_a_response_without_an_answer_is_wrong_and_counted() -> None:
    """So that a model that does not heed the form is not taken for a stupid one."""
    rows = [row(q.id, "plain", q.id == "a", answer="1" if q.id == "a" else None) for q in QUESTIONS]
    (plain,) = summarise(settings("plain"), QUESTIONS, rows).arms

    assert plain.accuracy == pytest.approx(1 / 3)
    assert plain.unanswered == 2


def test_a_judges_tokens_are_summed_apart() -> None:
    """They are no part of what the arm costs."""
    cost = Cost(prompt_tokens=100, completion_tokens=10, usd=0.5)
    rows = [row(q.id, "plain", True, grading=cost, completion_tokens=7) for q in QUESTIONS]
    report = make_report(settings("plain"), QUESTIONS, rows, {})
    (plain,) = report.summary.arms

    assert (plain.grading_tokens, plain.grading_usd, plain.sampled) == (330, 1.5, 7)
    assert ["tokens of the judge", "330"] in lines(report)


def test_a_broken_off_run_counts_only_what_every_arm_has_answered() -> None:
    """Question c lacks one arm: it would not be paired."""
    rows = both([True, True, True])[:-1]
    summary = summarise(settings("plain", "other"), QUESTIONS, rows)

    assert (summary.questions, summary.questions_incomplete) == (2, 1)
    assert [arm.accuracy for arm in summary.arms] == [0.5, 1.0]
    assert [arm.requests for arm in summary.arms] == [2, 2]


def test_a_run_that_was_broken_off_at_once_has_no_arms() -> None:
    """No figures, but a report."""
    report = make_report(settings("plain", "other"), QUESTIONS, both([True] * 3)[:1], {}, complete=False)

    assert report.summary.arms == []
    assert "BROKEN OFF: 3 more" in "\n".join(notes(report))
    assert lines(report)[0] == [""]


def test_a_report_is_saved_and_read(tmp_path: Path) -> None:
    """Settings, versions, aggregates and raw rows, in the order of the questions."""
    rows = both([True, True, False])
    report = make_report(settings("plain", "other"), QUESTIONS, rows[::-1], {"url": "http://x/v1"})
    save_report(report, tmp_path / "r.json")

    assert load_report(tmp_path / "r.json") == report
    assert [(found.question, found.arm) for found in report.rows[:3]] == [
        ("a", "other"),
        ("a", "plain"),
        ("b", "other"),
    ]
    assert report.complete
    assert {"flyball", "python", "scipy", "math-verify"} <= report.versions.keys()
    assert list(tmp_path.iterdir()) == [tmp_path / "r.json"]


def test_the_table_shows_unknown_tokens_as_a_dash() -> None:
    """One line per measure, one column per arm."""
    report = make_report(settings("plain", "other"), QUESTIONS, both([True, True, False]), {})
    table = {line[0]: line[1:] for line in lines(report)}

    assert table[""] == ["plain", "other"]
    assert table["accuracy, %"] == ["33.3 [0.0, 100.0]", "66.7 [0.0, 100.0]"]
    assert table["difference, points"] == ["-", "+33.3 [+0.0, +100.0]"]
    assert table["kept tokens"] == table["kept + dropped + auxiliary"] == ["-", "-"]
    assert table["finish"] == ["stop 3", "stop 3"]
    assert table["accuracy, easy (n=2)"] == ["50.0", "50.0"]
    (shown,) = rich_tables(report)
    assert shown.row_count == len(lines(report)) - 1


def test_markdown_holds_the_table_and_its_notes() -> None:
    """A bar in an arm's name does not break the table."""
    rows = [row(q.id, "a|b", False) for q in QUESTIONS]
    rows[0] = row("a", "a|b", None, error="HTTP 500: x")
    text = markdown(make_report(settings("a|b"), QUESTIONS, rows, {}), "p.png")

    assert text.startswith("|  | a\\|b |\n| --- | ---: |\n| accuracy, % | 0.0 [0.0, 0.0] |\n")
    assert "- failed, 1 times: a|b: HTTP 500: x" in text
    assert "(p.png)" in text
