"""Counts of a question."""

from flyball.policies.question_features import question_features


def test_what_can_be_counted_is_counted() -> None:
    features = question_features("Start with 7, add 5.")

    assert (features["numbers"], features["digits"], features["operations"]) == (2.0, 2.0, 1.0)
    assert (features["words"], features["characters"], features["clauses"]) == (3.0, 20.0, 2.0)


def test_operators_stand_between_numbers_and_a_hyphen_is_none() -> None:
    assert question_features("8 + 8 * 3 - 1 of a well-known sum")["operators"] == 3.0


def test_words_that_ask_for_reasoning_and_code_are_seen() -> None:
    features = question_features("Prove it, and debug this:\n```python\nx = 1\n```")

    assert (features["reasoning_words"], features["code"]) == (2.0, 2.0)


def test_of_a_long_text_both_ends_are_looked_at_and_all_of_it_is_measured() -> None:
    features = question_features("1 2 3 " + "x " * 50_000 + " how many?")

    assert (features["numbers"], features["reasoning_words"], features["questions"]) == (3.0, 1.0, 1.0)
    assert features["characters"] == 100_016.0
    assert features["words"] < 2000


def test_an_empty_question_has_the_same_features() -> None:
    assert question_features("").keys() == question_features("a 1").keys()
    assert set(question_features("").values()) == {0.0}
