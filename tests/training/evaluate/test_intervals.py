"""The bootstrap intervals, against cases that can be worked out by hand."""

from __future__ import annotations

import random

import pytest

from flyball.training.evaluate.intervals import mean_interval, paired_interval


def test_equal_arms_differ_by_exactly_nothing() -> None:
    """However much the questions differ, resampling them in pairs leaves no difference."""
    scores = [0.0, 1.0, 0.25, 1.0, 0.5]

    assert paired_interval(scores, scores) == (0.0, 0.0)


def test_a_better_arm_has_an_interval_above_zero() -> None:
    """Better by at least 0.25 on every question: no resample can show less."""
    low, high = paired_interval([0.0, 0.5, 0.25, 0.75], [1.0, 1.0, 0.5, 1.0]) or (0.0, 0.0)

    assert 0.25 <= low <= high <= 1.0


def test_an_interval_is_paired_by_question() -> None:
    """Hard and easy questions spread the arms' own means widely, but not their constant difference."""
    baseline = [0.0, 0.5] * 20
    arm = [score + 0.5 for score in baseline]

    assert paired_interval(baseline, arm) == (0.5, 0.5)
    low, high = mean_interval(arm) or (0.0, 0.0)
    assert high - low > 0.1


def test_two_questions_give_the_interval_worked_out_by_hand() -> None:
    """Of (0, 1) the resampled mean is 0, 0.5 or 1 with chances 1/4, 1/2, 1/4."""
    assert mean_interval([0.0, 1.0]) == (0.0, 1.0)
    assert paired_interval([0.0, 0.0], [0.0, 1.0]) == (0.0, 1.0)


def test_an_interval_is_about_as_wide_as_the_normal_one() -> None:
    """400 coin flips: half width 1.96 * 0.5 / sqrt(400) = 0.049."""
    flips = [float(flip) for flip in [0] * 200 + [1] * 200]
    random.Random(0).shuffle(flips)
    low, high = mean_interval(flips) or (0.0, 0.0)

    assert low == pytest.approx(0.451, abs=0.006)
    assert high == pytest.approx(0.549, abs=0.006)


def test_an_interval_is_the_same_every_time() -> None:
    """A table can be made again from its rows."""
    scores = [0.0, 1.0, 1.0, 0.0, 1.0, 0.5]

    assert mean_interval(scores) == mean_interval(scores)


def test_one_question_gives_no_interval() -> None:
    """There is nothing to resample."""
    assert mean_interval([1.0]) is None
    assert paired_interval([0.0], [1.0]) is None
