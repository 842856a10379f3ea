"""P(yes) against P(no) of a first token."""

import math

import pytest

from flyball.controllers.yes_no import yes_probability


def test_spellings_of_a_word_are_summed() -> None:
    said = [(" Yes", -0.2), ("yes", -2.5), ("No", -2.8), (" maybe", -3.0)]
    yes, no = math.exp(-0.2) + math.exp(-2.5), math.exp(-2.8)

    assert yes_probability(said) == pytest.approx(yes / (yes + no))


@pytest.mark.parametrize(("said", "probability"), [([("Yes.", -0.1)], 1.0), ([("\nno", -4.0)], 0.0)])
def test_a_word_that_is_not_there_has_no_probability(said: list[tuple[str, float]], probability: float) -> None:
    assert yes_probability(said) == probability


@pytest.mark.parametrize("said", [[], [("cannot", -0.1), ("know", -0.2), ("yesterday", -0.3)]])
def test_words_that_only_hold_them_are_neither(said: list[tuple[str, float]]) -> None:
    assert yes_probability(said) is None
