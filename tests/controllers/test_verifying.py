"""Verifiers: results in so many words, Yes against No, prompts, and runs of results that agree."""

import pytest

from flyball.controllers.trimming.repetition import repeats
from flyball.controllers.trimming.segment import last_sentences
from flyball.controllers.verifying.conclusions import Conclusion, Conclusions
from flyball.controllers.verifying.prompts import EQUIVALENCE, EXISTENCE, filled
from flyball.controllers.verifying.stated import last_stated
from flyball.core.answers import same_answer
from flyball.training.pocket.verifier import wording


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("So the result is 6.", "6"),
        ("Good, so the result is 6", "6"),
        ("The result is 4. Wait, so the result is 5.", "5"),
        ("The final value is 3.14, as before.", "3.14"),
        ("Therefore the answer is \\frac{1}{2}.", "\\frac{1}{2}"),
        ("So it is \\boxed{\\frac{1}{2}}, I think.", "\\frac{1}{2}"),
        ("The answer is \\boxed{7}.", "7"),
        ("I first had \\boxed{7}. No, the answer is 8.", "8"),
        ("**Final Answer**: 12", "12"),
        ("The answer: $x + 1$", "x + 1"),
        ("Hence 9 is the answer.", "9"),
        ("Thus we have 9 as the final result.", "9"),
        ("so the answer should be (B).", "(B)"),
        ("the mayor's name is the answer: Kelta Morn.", "Kelta Morn"),
        ("Is the result 5?", None),
        ("The result is 5?", None),
        ("The answer is wrong.", None),
        ("the answer is not 5.", None),
        ("7 + 5 = 12, keep 2.", None),
        ("", None),
    ],
)
def test_the_last_result_in_so_many_words(text: str, result: str | None) -> None:
    assert last_stated(text) == result


def test_braces_in_what_a_model_wrote_are_left_alone() -> None:
    assert filled("{question} {passage}", {"question": "{passage}", "passage": "{a}{0}"}) == "{passage} {a}{0}"


def test_the_plain_prompts_are_those_that_the_pocket_verifier_was_trained_on() -> None:
    assert (wording.EXISTENCE[0], wording.EQUIVALENCE[0]) == (EXISTENCE, EQUIVALENCE)


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("One. Two. Three.", 2, "Two. Three."),
        ("One.\nIt is 3.14", 1, "It is 3.14"),
        ("One", 5, "One"),
        ("  ", 2, ""),
        ("x" * 5000, 1, "x" * 2000),
    ],
)
def test_the_last_sentences(text: str, count: int, expected: str) -> None:
    assert last_sentences(text, count) == expected


def runs(*agrees: int | None) -> list[int]:
    conclusions = Conclusions(tuple(Conclusion(index, "x", given) for index, given in enumerate(agrees)))
    return [conclusions.run(index) for index in range(len(agrees))]


def test_a_run_counts_results_that_agree_with_the_one_before() -> None:
    assert runs(None, 1, 0, 0, 1) == [0, 1, 0, 0, 1]
    assert runs(None, 1, 1, None, 1) == [0, 1, 2, 0, 1]


def test_late_results_find_their_places_and_unknown_ones_agree_with_nothing() -> None:
    conclusions = Conclusions().put(Conclusion(9, "c")).put(Conclusion(3, "a")).put(Conclusion(5, None))
    assert [known.position for known in conclusions.all] == [3, 5, 9]
    assert (conclusions.before(9, 2), conclusions.before(5, 2)) == ((), ("a",))
    assert conclusions.compared(9, 1).agreeing(9) == 1
    assert conclusions.compared(8, 1) == conclusions


@pytest.mark.parametrize(
    ("ids", "times", "least", "expected"),
    [
        ([9, 1, 2, 1, 2, 1, 2], 3, 6, True),
        ([9, 1, 2, 1, 2, 1, 2], 3, 7, False),
        ([9, 1, 2, 1, 2, 1, 3], 3, 2, False),
        ([5] * 10, 3, 10, True),
        ([1, 2, 3, 4, 5, 6], 2, 2, False),
        ([], 2, 2, False),
        ([2, 1, 2, 1, 2, 1, 2], 3, 7, True),  # a part of the block before it counts, too
    ],
)
def test_a_block_that_stands_there_several_times_repeats(
    ids: list[int], times: int, least: int, expected: bool
) -> None:
    assert repeats(ids, times, least) is expected


def test_whole_numbers_are_compared_as_numbers() -> None:
    assert same_answer("007", "7") and not same_answer("7", "8") and same_answer("-0", "0")
