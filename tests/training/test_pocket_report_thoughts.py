"""Thinking taken apart: thoughts, stated results, verifications and mistakes."""

import pytest

from flyball.training.pocket.report.overthinking import read
from flyball.training.pocket.report.rows import Reply, Row
from flyball.training.pocket.report.thoughts import Trace, conclusion, split, stated, trace

ERRING = (
    "Start with 3.\nNow add 1: 3 + 1 = 4, keep 4.\nSo the result is 3.\n\n"
    "Wait. 3+1=4. This is not 3, I made a mistake. So the result is 4.\n\n"
    "Hmm. I followed every step. The result is 4."
)


def test_thoughts_are_separated_by_empty_lines() -> None:
    assert split("One.\nStill one.\n\nTwo.\n\n\n\nThree.\n") == ["One.\nStill one.", "Two.", "Three."]
    assert split("\n\n") == []


def test_every_stated_result_is_found_in_order() -> None:
    assert stated(ERRING) == ["3", "4", "4"]
    assert stated("This is not 3. The value is 4.") == []


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("So the result is 4.", "4"),
        ("So the result is 4", "4"),
        ("So the result is 4.\n", "4"),
        ("So the result is 4. But", None),
        ("So the result is", None),
    ],
)
def test_a_passage_concludes_when_it_ends_with_a_result(text: str, result: str | None) -> None:
    assert conclusion(text) == result


def test_a_verification_is_redundant_when_the_result_was_right_before_it() -> None:
    assert trace(ERRING, "4") == Trace(first="3", last="4", verifications=2, redundant=1)
    assert trace(ERRING, "7") == Trace(first="3", last="4", verifications=2, redundant=0)


def test_a_thought_without_a_result_leaves_the_one_that_stood() -> None:
    assert trace("The result is 4.\n\nWait, is this right?\n\nThe result is 4.", "4") == Trace("4", "4", 2, 2)


def test_thinking_without_a_result_has_no_verifications() -> None:
    assert trace("I do not know.\n\nWait.", "4") == Trace(None, None, 0, 0)


def thought(thinking: str, answer: str, said: str) -> Row:
    """A chain of two steps, thought through."""
    return Row("?", answer, (Reply(f"\\boxed{{{said}}}", thinking),), "chain", 2)


def test_mistakes_and_their_corrections_are_counted_by_the_first_result_and_the_answer() -> None:
    rows = [
        thought(ERRING, "4", "4"),
        thought(ERRING, "4", "3"),
        thought("The result is 4.\n\nHmm. The result is 4.", "4", "4"),
        thought("Nothing.", "4", "4"),
    ]

    sample = read("four", rows)

    assert (sample.thinkings, sample.without_result) == (4, 1)
    assert (sample.erred.hits, sample.erred.of) == (2, 3)
    assert (sample.corrected.hits, sample.corrected.of) == (1, 2)
    assert sample.verifications == {1: 1, 2: 2}
    assert sample.redundant == {1: 3}
    assert sample.mean_redundant == 1.0
    assert (sample.redundant_share.hits, sample.redundant_share.of) == (3, 5)
