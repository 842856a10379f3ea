"""The oracle: where it stops traces, worked out by hand."""

from __future__ import annotations

import pytest

from benchmarks.controllers.oracle import Stop, stated, stop, verdicts
from flyball.training.replay.thinking import Segment, Thinking
from flyball.training.replay.verdicts import Verdict


def thinking(*thoughts: str) -> Thinking:
    """A trace of thoughts; a token is a word with its space. The last thought ends with the thinking."""
    words = [[f"{word} " for word in thought.split()] for thought in thoughts]
    ends, count = [], 0
    for each in words[:-1]:
        count += len(each)
        ends.append(Segment(count, ""))
    return Thinking("?", tuple(ends), tuple(word for each in words for word in each), "6")


SIX, SEVEN = "So the result is 6.", "So the result is 7."


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("So the result is 6.", "6"),
        ("The result is 123. Hmm, the result is 45.", "45"),
        ("result is 6", None),
        ("2*3=6. Yes.", None),
        ("I know nothing, so the result is unknown.", "unknown"),
    ],
)
def test_the_last_result_in_the_words_of_the_world_is_read(text: str, result: str | None) -> None:
    assert stated(text) == result


def test_a_result_agrees_with_the_last_one_that_was_stated() -> None:
    """4, none, 4, 7, 7: thoughts without a result are passed over, not counted against agreement."""
    yes, first = Verdict(True, True), Verdict(True, False)

    assert verdicts(["4", None, "4", "7", "7"]) == [first, Verdict(False), yes, first, yes]


def test_it_stops_behind_the_thought_that_agrees_for_the_mth_time() -> None:
    """Five words a thought: the third states 6 for the third time, so M = 2 agreements stand after 15 of 25 words."""
    assert stop(thinking(SIX, SIX, SIX, SIX, SIX), m=2) == Stop(tokens=25, kept=15, result="6")


def test_a_result_that_differs_begins_the_count_anew() -> None:
    """7, 6, 6, 6: the second to fourth agree, so it stops behind the fourth of five."""
    assert stop(thinking(SEVEN, SIX, SIX, SIX, SIX), m=2) == Stop(tokens=25, kept=20, result="6")


def test_the_last_thought_leaves_nothing_to_save() -> None:
    """Its end is the end of the thinking: three results, of which the third is the last thought."""
    found = stop(thinking(SIX, SIX, SIX), m=2)

    assert found == Stop(tokens=15, kept=15, result="6")
    assert not found.stopped


def test_it_stops_at_a_wrong_result_as_well() -> None:
    assert stop(thinking(SEVEN, SEVEN, SEVEN, SIX), m=2) == Stop(tokens=20, kept=15, result="7")
