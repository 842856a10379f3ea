"""Goals, shares, bins, overlaps and labels: the arithmetic of the report."""

import math
import random
from typing import cast

import pytest

from flyball.training.pocket.reasoner.behaviour import BEHAVIOUR
from flyball.training.pocket.reasoner.judging import draw_judgement
from flyball.training.pocket.report.calibration import bins
from flyball.training.pocket.report.goals import Goal
from flyball.training.pocket.report.judging import aspect
from flyball.training.pocket.report.overlap import Overlap, compare, measure
from flyball.training.pocket.report.results import Measured
from flyball.training.pocket.report.rows import Reply, Row
from flyball.training.pocket.report.shares import Share, share, together
from flyball.training.pocket.report.tables import percent
from flyball.training.pocket.report.thoughts import conclusion, stated
from flyball.training.pocket.report.verifying import equivalence_cases, existence_cases, verdict

THINKING = "Start with 3.\nSo the result is 3.\n\nWait. So the result is 4.\n\nHmm. Yes, the result is 4."


def judged(value: float, low: float | None = None, high: float | None = None, unit: str = "%") -> tuple[str, str, bool]:
    """A goal's bound, figure and verdict."""
    outcome = Goal("g", lambda _: value, low, high, unit).judge(cast(Measured, None))
    return outcome.bound, outcome.found, outcome.met


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (judged(0.97, low=0.97), ("≥ 97.0%", "97.0%", True)),
        (judged(0.9699, low=0.97), ("≥ 97.0%", "97.0%", False)),
        (judged(0.3, high=0.3), ("≤ 30.0%", "30.0%", True)),
        (judged(0.31, high=0.3), ("≤ 30.0%", "31.0%", False)),
        (judged(0.1, 0.05, 0.15), ("5.0% to 15.0%", "10.0%", True)),
        (judged(0.04, 0.05, 0.15), ("5.0% to 15.0%", "4.0%", False)),
        (judged(0.02, high=0.03, unit="points"), ("≤ 3.0 points", "2.0 points", True)),
        (judged(3.5, low=3, unit=""), ("≥ 3.00", "3.50", True)),
    ],
)
def test_a_goal_is_met_within_its_bounds(outcome: tuple[str, str, bool], expected: tuple[str, str, bool]) -> None:
    assert outcome == expected


def test_a_figure_of_nothing_meets_no_goal() -> None:
    assert judged(math.nan, high=1.0)[2] is False
    assert judged(math.nan, low=0.0)[2] is False


def row(answer: str, said: str, error: str | None = None) -> Row:
    """One turn."""
    return Row("?", answer, (Reply(f"\\boxed{{{said}}}", error=error),))


def test_a_failed_request_counts_as_wrong_and_is_told() -> None:
    found = share([row("4", "4"), row("4", "3"), row("4", "4", "HTTP 500")])
    assert found == Share(hits=1, of=3, errors=1)
    assert percent(found) == "33.3% (6.1 to 79.2; 1 of 3, 1 failed)"


def test_shares_of_nothing_have_no_value() -> None:
    assert math.isnan(Share(0, 0).value)
    assert percent(Share(0, 0)) == "-"
    assert together([Share(1, 2), Share(3, 4, 1)]) == Share(4, 6, 1)


def test_the_interval_is_wilson_s() -> None:
    low, high = Share(970, 1000).interval
    assert (round(low, 4), round(high, 4)) == (0.9575, 0.9789)
    assert Share(0, 5).interval[0] == 0.0
    assert Share(5, 5).interval[1] == 1.0


def test_questions_are_binned_by_their_chance_and_empty_bins_left_out() -> None:
    found = bins([(0.93, True), (0.97, False), (1.0, True), (0.0, False)])
    assert [(bin.low, bin.high, bin.right.hits, bin.right.of) for bin in found] == [(0.0, 0.05, 0, 1), (0.9, 1.0, 2, 3)]
    assert found[1].mean == pytest.approx(2.9 / 3)


def test_phrases_overlap_when_they_are_the_same_but_for_spaces_around_them() -> None:
    found = compare({"Wait", "Wait ", "Hmm."}, {" Wait\n", "hmm."})
    assert (found.trained, found.shipped, found.both) == (2, 2, ["Wait"])


def test_an_empty_phrase_is_none() -> None:
    assert compare({"", " "}, {""}) == Overlap(0, 0, [])


def test_no_hint_closing_phrase_or_probe_that_is_shipped_was_trained_on() -> None:
    """Ours: nothing is tuned to the letter. What a small model knows by its wording only is shared, and named."""
    sorts = measure().sorts
    shared = {name: sort.both for name, sort in sorts.items() if sort.both}
    assert sorted(shared.pop("reflection words")) == ["Alternatively", "Hmm", "Let me double-check", "Wait"]
    assert shared.pop("hints") == ["Wait"]
    assert shared.pop("beginnings of an answer") == ["**Final Answer**"]
    assert len(shared.pop("what is said of budgets")) == 2
    assert len(shared.pop("questions to a verifier")) == 2
    assert shared == {}


def test_every_judgement_has_an_aspect() -> None:
    rng = random.Random(0)
    aspects = {aspect(draw_judgement(rng, BEHAVIOUR, "test").text) for _ in range(400)}
    assert "other" not in aspects
    assert len(aspects) == 11


@pytest.mark.parametrize(
    ("tops", "expected"),
    [
        ({"Yes": -0.1, "No": -3.0}, "Yes"),
        ({"Y": -2.0, "N": -0.2}, "No"),
        ({"No": -0.1}, "No"),
        ({"": -0.1, "Maybe": -0.2}, None),
    ],
)
def test_the_verdict_is_the_likelier_word_by_the_first_token(tops: dict[str, float], expected: str | None) -> None:
    assert verdict(tops) == expected


def thoughts() -> list[Row]:
    """What a reasoner sampled."""
    return [Row("What?", "4", (Reply("\\boxed{4}", THINKING),), "chain", 1)]


def test_a_sampled_passage_reaches_a_result_when_it_ends_with_one() -> None:
    cases = existence_cases(random.Random(0), thoughts(), 200)
    shown = [(case.text.partition("Passage: ")[2].partition("\nDoes the passage")[0], case.reply) for case in cases]
    assert len(cases) == 200
    assert all((conclusion(text) is not None) == (reply == "Yes") for text, reply in shown)
    assert all(not stated(text) for text, reply in shown if reply == "No")
    assert {reply for _, reply in shown} == {"Yes", "No"}


def test_neighbouring_thoughts_agree_when_their_results_are_the_same() -> None:
    cases = equivalence_cases(random.Random(0), thoughts(), 200)
    for case in cases:
        first, second = stated(case.text)
        assert (first == second) == (case.reply == "Yes")
    assert {case.reply for case in cases} == {"Yes", "No"}


def test_without_thinking_there_are_no_cases() -> None:
    assert existence_cases(random.Random(0), [], 5) == equivalence_cases(random.Random(0), [], 5) == []
