"""Graders of stated answers, each against cases worked out by hand."""

from __future__ import annotations

import math

import pytest

from flyball.core.errors import ConfigError
from flyball.training.evaluate.graders import GRADERS, Grade, load_grader
from flyball.training.evaluate.graders.quantities import Quantity, quantities
from flyball.training.evaluate.graders.stated import stated_answer
from flyball.training.evaluate.questions import Question

CAPITALS = ["Paris", "Rome", "A", "Not Rome"]


async def graded(spec: str, content: str, answer: str, choices: list[str] | None = None) -> Grade:
    question = Question("q", "?", answer, choices=choices or [])
    async with load_grader(spec).open() as grading:
        return await grading(content, question)


# -- what is stated ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (r"\boxed{1} or \boxed{\text{B}}", r"\text{B}"),
        ("so\n#### 72", "72"),
        ("<answer>7</answer> no,\n<answer>\n72 </answer>", "72"),
        ("#### 7\n<answer>72</answer>", "72"),
        (r"<answer>\boxed{72}</answer>", "72"),
        ("<answer> </answer>", None),
        ("**Answer:** 72", "72"),
        ("The answer is $72$.", "72"),
        ("First the answer is 3.\nNo, the final answer: 4 apples.", "4 apples"),
        ("The answer = 7", "7"),
        ("I answered him", None),
        ("an answer", None),
        ("", None),
    ],
)
def test_the_stated_answer_is_the_last_one(content: str, answer: str | None) -> None:
    """A box before a mark before a sentence."""
    assert stated_answer(content) == answer


# -- exact ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "correct", "answer"),
    [
        ("The answer is new  york.", True, "new  york"),
        (r"\boxed{New York}", True, "New York"),
        ("New York", True, "New York"),
        ("York", False, "York"),
        ("I think it is New York", False, "I think it is New York"),
        (" ", False, None),
    ],
)
async def test_exact_compares_but_for_case_and_space(content: str, correct: bool, answer: str | None) -> None:
    """A response that states no answer is one as a whole."""
    assert await graded("exact", content, "New York") == Grade(correct=correct, answer=answer)


@pytest.mark.parametrize(
    ("content", "answer", "correct"),
    [
        (r"\boxed{3}, no, \boxed{ 4 }", " 4 ", True),
        (r"\boxed{4}, no, \boxed{3}", "4", False),
        (r"\boxed{4.0}", "4", False),
        ("4", "4", False),
        ("", "", False),
    ],
)
async def test_boxed_exact_is_the_last_box_letter_for_letter(content: str, answer: str, correct: bool) -> None:
    """A response without a boxed answer is wrong, never anything else."""
    assert (await graded("boxed_exact", content, answer)).correct is correct


# -- numeric ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,234.5 and 7", [(1234.5, "and"), (7, None)]),
        ("1{,}234\\,567 m", [(1234567, "m")]),
        ("1 234 567", [(1234567, None)]),
        ("1,23", [(1, None), (23, None)]),
        ("-5, \u22126 and 3-4", [(-5, None), (-6, "and"), (3, None), (4, None)]),
        ("-$5.50, $-2", [(-5.5, "$"), (-2, "$")]),
        ("3/4 or \\frac{3}{4} or \\dfrac34", [(0.75, "or"), (0.75, "or")]),
        ("1/0", []),
        ("1.2e-3 and 1.2 \\times 10^{3}", [(0.0012, "and"), (1200, None)]),
        ("12\\% or 5 percent", [(12, "%"), (5, "percent")]),
        ("3 \\text{ km}, 90 km/h", [(3, "km"), (90, "km/h")]),
        (".5", [(0.5, None)]),
        ("none", []),
    ],
)
def test_numbers_are_read_as_they_are_written(text: str, found: list[tuple[float, str | None]]) -> None:
    """Separators, signs, fractions, powers of ten, percent, money, units."""
    read = quantities(text)[: len(found)]

    assert [unit for _, unit in read] == [unit for _, unit in found]
    assert [value for value, _ in read] == pytest.approx([value for value, _ in found])


@pytest.mark.parametrize(
    ("content", "answer", "correct"),
    [
        ("It is 72.", "72", True),
        ("#### 1,024", "1024", True),
        ("First 3, then 72", "72", True),
        ("72, then 3", "72", False),
        (r"\boxed{72} of 100", "72", True),
        ("about 72.0000001", "72", True),
        ("72.1", "72", False),
        ("1.5 km", "1500 m", True),
        ("12 km", "12 m", False),
        ("90 minutes", "1.5 hours", True),
        ("12", "12 apples", True),
        ("12 apples", "12", True),
        ("12 red apples", "12 apples", True),
        ("5 in total", "5 hours", True),
        ("90 km/h", "25 m/s", True),
        ("25 km/h", "25 m/s", False),
        ("1 m²", "10000 cm^2", True),
        ("1 m", "1 m²", False),
        ("50%", "0.5", True),
        ("0.5", "50%", True),
        ("50", "50%", True),
        ("50%", "50", True),
        ("5%", "50%", False),
        ("$5", "5 dollars", True),
        ("500 cents", "$5.00", True),
        ("$5", "5 euros", False),
        ("073", "73", True),
        ("no number", "72", False),
        ("", "72", False),
    ],
)
async def test_a_number_may_be_written_differently(content: str, answer: str, correct: bool) -> None:
    """Units are converted where both are known; another word behind a number says nothing."""
    assert (await graded("numeric", content, answer)).correct is correct


async def test_the_tolerance_of_numbers_is_a_parameter() -> None:
    """1% of 100 is 1; 1.5 is too much."""
    assert (await graded('numeric={"relative": 0.01}', "99.2", "100")).correct is True
    assert (await graded('numeric={"relative": 0.01}', "98.5", "100")).correct is False
    assert (await graded('numeric={"absolute": 2}', "98.5", "100")).correct is True


def test_a_quantity_is_the_same_both_ways() -> None:
    """Whoever has the unit."""
    half, percent = Quantity(0.5, None), Quantity(50.0, "%")

    assert half.same(percent, 1e-9, 0) and percent.same(half, 1e-9, 0)
    assert not Quantity(math.inf, None).same(half, 1e-9, 0)


async def test_a_known_answer_without_a_number_is_an_error() -> None:
    """Every response would be wrong."""
    with pytest.raises(ConfigError, match="holds no number"):
        await graded("numeric", "4", "four")


# -- choice -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "letter"),
    [
        (r"\boxed{B}", "B"),
        (r"\boxed{\text{(B)}}", "B"),
        ("The answer is (B).", "B"),
        ("The answer is B because it is so.", "B"),
        ("Answer: B) Rome", "B"),
        ("Answer: rome", "B"),
        (r"\boxed{\text{Rome}}", "B"),
        ("**Answer:** **D**", "D"),
        ("b", "B"),
        (r"\boxed{A}", "C"),
        (r"\boxed{E}", None),
        ("The answer is a city.", None),
        ("Rome or Paris", None),
        ("A or B", None),
        ("", None),
    ],
)
async def test_an_option_is_named_by_letter_or_text(content: str, letter: str | None) -> None:
    """What names none is wrong and never drawn by lot; an option's text comes before a letter: here C reads "A"."""
    grade = await graded("choice", content, "B", CAPITALS)

    assert grade == Grade(correct=letter == "B", answer=letter)


@pytest.mark.parametrize("answer", ["B", "Rome", "(B)"])
async def test_the_known_option_may_be_letter_or_text(answer: str) -> None:
    """As files have it."""
    assert (await graded("choice", "B", answer, CAPITALS)).correct is True


async def test_a_choice_without_its_answer_is_an_error() -> None:
    """It could only be wrong."""
    with pytest.raises(ConfigError, match="none of its choices"):
        await graded("choice", "B", "Berlin", CAPITALS)


# -- math, and functions ----------------------------------------------------------------------------------------------


async def test_a_mathematical_answer_may_be_written_differently() -> None:
    """In one test, as the process that compares takes long to start."""
    assert (await graded("math", r"so \boxed{\frac{1}{2}}", "0.5")).correct is True
    assert (await graded("math", "#### 1/2", "0.5")).correct is True
    assert (await graded("math", r"so \boxed{\frac{1}{2}}", "0.25")).correct is False
    assert await graded("math", "one half", "0.5") == Grade(correct=False)


async def test_a_grader_may_be_any_function() -> None:
    """Named by its dotted path; plain functions will do."""
    assert (await graded("operator.contains", "the answer is 4", "4")).correct is True


def test_every_short_name_leads_to_a_grader() -> None:
    """The table has no dead entries; the judge needs to know whom to ask."""
    assert all(load_grader(name) for name in GRADERS if name != "judge")


@pytest.mark.parametrize("name", ["maths", "no.such.module", "flyball.core.answers.nothing", ""])
def test_an_unknown_grader_is_refused(name: str) -> None:
    """The error lists the known ones."""
    with pytest.raises(ConfigError, match="boxed_exact"):
        load_grader(name)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ('numeric={"relativ": 1}', "relativ"),
        ("numeric=[1]", "numeric"),
        ("numeric=", "numeric"),
        ('operator.contains={"a": 1}', "no parameters"),
        ("judge", "url"),
        ('judge={"url": "ftp://x", "model": "m"}', "https://host/v1"),
        ('judge={"url": "http://x/v1", "model": "m", "prompt": "Right?"}', r"lacks \{question\}"),
        ('judge={"url": "http://x/v1", "model": "m", "api_key_env": "FLYBALL_NOT_SET"}', "FLYBALL_NOT_SET"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(spec: str, complaint: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ConfigError, match=complaint):
        load_grader(spec)
