"""Final answers: taken from text, and compared as mathematics."""

import asyncio
import io
import json
import sys
from collections.abc import Iterator

import pytest

from flyball.core.answers import extract_answer, same_answer, same_answer_async
from flyball.core.comparer import Comparer, Comparers, serve

PATIENCE = 60.0
"""Seconds: a process that imports sympy takes some on a busy machine."""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{4}.", "4"),
        (r"\boxed{\frac{1}{2}} at last", r"\frac{1}{2}"),
        (r"\boxed{1} or rather \boxed{2}", "2"),
        (r"\boxed{1} or rather \boxed{2", "1"),
        (r"\boxed{1} or rather \boxed{ }", "1"),
        (r"\boxed{ 7 }", "7"),
        (r"\boxed{}", None),
        ("4", None),
        ("", None),
    ],
)
def test_the_answer_is_the_last_complete_box(text: str, answer: str | None) -> None:
    assert extract_answer(text) == answer


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("4", " 4 ", True),
        (r"\frac{1}{2}", "0.5", True),
        (r"\frac12", r"\frac{2}{4}", True),
        ("x+1", "1+x", True),
        ("4", "5", False),
        ("yes", "no", False),
        (None, None, False),
        (None, "4", False),
        ("4", None, False),
        ("", "", False),
        (" ", " ", False),
    ],
)
def test_answers_are_the_same_literally_or_by_mathematics_and_missing_ones_never(
    a: str | None, b: str | None, same: bool
) -> None:
    assert same_answer(a, b) is same


@pytest.fixture
def comparer() -> Iterator[Comparer]:
    comparer = Comparer()
    yield comparer
    comparer.close()


async def test_answers_are_compared_without_holding_the_event_loop_up() -> None:
    async with asyncio.timeout(PATIENCE):
        same = await asyncio.gather(
            same_answer_async(r"\frac{1}{2}", "0.5"),
            same_answer_async("4", "5"),
            same_answer_async(None, None),
            same_answer_async("4", " 4"),
        )
        assert list(same) == [True, False, False, True]


def test_the_processes_outlive_the_event_loop_that_started_them() -> None:
    for _ in range(2):
        assert asyncio.run(same_answer_async(r"\frac{3}{2}", "1.5"))


async def test_the_processes_outlive_the_task_that_started_them() -> None:
    for _ in range(2):
        async with asyncio.timeout(PATIENCE):
            assert await asyncio.create_task(same_answer_async(r"\frac{5}{2}", "2.5"))


def test_a_comparison_that_takes_too_long_counts_as_different_and_its_process_is_replaced() -> None:
    answers_late = "print('ready', flush=True); first = input(); input(); print(1, flush=True)"
    comparer = Comparer((sys.executable, "-c", answers_late))
    assert not comparer.same("1", "1.0", 0.01)
    assert not comparer.same("1", "1.0", 0.01)
    comparer.close()


def test_a_comparison_whose_process_dies_counts_as_different_and_the_next_one_works(comparer: Comparer) -> None:
    assert comparer.same(r"\frac{1}{2}", "0.5", PATIENCE)
    comparer.kill()
    assert not comparer.same(r"\frac{1}{2}", "0.5", PATIENCE)
    assert comparer.same(r"\frac{1}{2}", "0.5", PATIENCE)


async def test_a_comparison_that_nobody_waits_for_is_given_up() -> None:
    async with asyncio.timeout(PATIENCE):
        assert await same_answer_async(r"\frac{7}{2}", "3.5")
        abandoned = asyncio.create_task(same_answer_async(r"\frac{7}{2}", "3.5"))
        await asyncio.sleep(0)
        abandoned.cancel()
        with pytest.raises(asyncio.CancelledError):
            await abandoned
        assert await same_answer_async(r"\frac{9}{2}", "4.5")


def test_a_comparison_given_up_before_its_turn_starts_no_process() -> None:
    comparer, comparers = Comparer(), Comparers()
    comparison = comparers.compare("1", "2", 0.0)
    comparison.give_up()
    assert comparison.run(comparer) is False
    comparison.result.result(PATIENCE)


def test_processes_that_do_not_start_are_an_error_and_no_difference() -> None:
    with pytest.raises(RuntimeError, match="does not start"):
        Comparer((sys.executable, "-c", "")).same(r"\frac{1}{2}", "0.5", PATIENCE)


def test_the_process_answers_line_by_line_and_survives_what_it_cannot_compare() -> None:
    questions = [json.dumps(pair) for pair in ((r"\frac{1}{2}", "0.5"), ("1", "2"))]
    replies = io.StringIO()
    serve(io.StringIO("\n".join([questions[0], "this is no question", questions[1]]) + "\n"), replies)
    assert replies.getvalue() == "ready\n1\n0\n0\n"
