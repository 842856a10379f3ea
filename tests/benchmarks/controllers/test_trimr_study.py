"""TrimR's figures from rows: shares of the oracle's saving, false stops, times, worked out by hand."""

from __future__ import annotations

import pytest

from benchmarks.controllers.findings import Findings
from benchmarks.controllers.oracle import Stop
from benchmarks.controllers.rows import of_arm
from benchmarks.controllers.studies.trimr import MAIN, PLAIN, Saving, Stops, false_stops, judged, saving
from flyball.training.evaluate.rows import Row

from .rows_by_hand import report, row, timing

STOPS = {("a", 0): Stop(300, 200, "1"), ("b", 0): Stop(100, 100, "1")}


def rows() -> list[Row]:
    """Plain thinks 300 and 100, the oracle 200 and 100, TrimR 220 and 100 with 10 dropped."""
    return [
        row("a", thinking=300, answer="1"),
        row("b", thinking=100, answer="1"),
        row("a", MAIN, thinking=220, dropped=10, acted="trimr"),
        row("b", MAIN, thinking=100),
    ]


def test_the_share_of_the_oracles_saving() -> None:
    """Means: plain 200, oracle 150, TrimR 160: it saves 40 of 50; with the 5 that were dropped, 35."""
    found = report(rows(), [PLAIN, MAIN])
    saved = saving(of_arm(found, MAIN), of_arm(found, PLAIN), STOPS)

    assert saved == Saving(plain=200, oracle=150, kept=160, dropped=5)
    assert saved.of_oracle == pytest.approx(0.8)
    assert saved.with_dropped == pytest.approx(0.7)


def test_requests_without_a_trace_are_left_out() -> None:
    found = report(rows(), [PLAIN, MAIN])

    assert saving(of_arm(found, MAIN), of_arm(found, PLAIN), {("b", 0): STOPS["b", 0]}) == Saving(100, 100, 100, 0)


def test_where_the_oracle_saves_nothing_there_is_no_share() -> None:
    assert Saving(plain=100, oracle=100, kept=90, dropped=0).of_oracle is None


def test_a_false_stop_is_wrong_where_plain_was_right_and_was_stopped_by_trimr() -> None:
    """Of four stops one is false, one mends what plain had wrong, and one is wrong as plain is; one more was not stopped."""
    right, wrong = row("a", correct=True), row("a", correct=False)
    stopped = {correct: row("a", MAIN, correct=correct, acted="trimr") for correct in (True, False)}
    pairs = [(stopped[False], right), (stopped[True], wrong), (stopped[False], wrong), (stopped[True], right)]

    assert false_stops([*pairs, (row("a", MAIN, correct=False), right)]) == Stops(stopped=4, false=1, mended=1)


def study(**times: float) -> Findings:
    timings = [timing(PLAIN, 0, times["plain"]), timing(MAIN, 0, times["trimr"]), timing(MAIN, 1, 999.0)]
    return judged("chains", report(rows(), [PLAIN, MAIN], timings), STOPS)


def test_the_goals_are_judged_by_the_figures() -> None:
    """80% and 70% of the oracle's saving, no drop, 85 s against 100 s; a block that plain was not sent counts for neither."""
    goals = study(plain=100.0, trimr=85.0).goals

    assert [goal.found for goal in goals] == ["80.0%", "70.0%", "+0.0 points", "15.0%"]
    assert [goal.met for goal in goals] == [True, False, True, True]


def test_time_that_is_not_saved_misses_its_goal() -> None:
    assert study(plain=100.0, trimr=90.0).goals[-1].met is False


def test_every_arm_and_the_oracle_have_a_line() -> None:
    (table,) = study(plain=100.0, trimr=85.0).tables

    assert [line[0] for line in table.lines[1:]] == [PLAIN, "oracle, M = 2", MAIN]
    assert {len(line) for line in table.lines} == {len(table.lines[0])}
    assert table.lines[3][-1] == "85.0%"
