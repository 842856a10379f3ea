"""Comparisons, wall-clock and cost, against cases worked out by hand."""

from __future__ import annotations

import pytest

from flyball.core.errors import ConfigError
from flyball.core.model import Price
from flyball.training.evaluate.arms import Arm
from flyball.training.evaluate.comparison import compare
from flyball.training.evaluate.cost import dollars, parse_price
from flyball.training.evaluate.questions import Question, QuestionSet
from flyball.training.evaluate.rows import Row, Tokens
from flyball.training.evaluate.settings import define
from flyball.training.evaluate.summary import summarise
from flyball.training.evaluate.timing import Timing, WallClock, percentile95, wall_clock


def row(question: str = "a", correct: bool | None = True, **more: object) -> Row:
    return Row(question=question, arm="plain", sample=0, seed=0, seconds=1.0, correct=correct, **more)  # type: ignore[arg-type]


# -- comparisons ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("baseline", "arm", "difference", "verdict"),
    [
        ([0.0, 0.5, 0.25], [0.5, 1.0, 0.5], pytest.approx(1.25 / 3), "above"),
        ([0.5, 1.0, 0.5], [0.0, 0.5, 0.25], pytest.approx(-1.25 / 3), "below"),
        ([0.0, 1.0, 1.0], [0.0, 1.0, 1.0], 0.0, "ties"),
        ([0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0], 0.25, "ties"),
        ([0.0, None, 0.0], [1.0, 0.0, 1.0], 1.0, "above"),
        ([0.0, None], [1.0, 1.0], 1.0, "unknown"),
        ([None], [1.0], None, "unknown"),
    ],
)
def test_an_arm_is_above_when_its_whole_interval_is(
    baseline: list[float | None], arm: list[float | None], difference: float | None, verdict: str
) -> None:
    """Paired: better by at least 0.25 on every question is above, whatever the questions are; one question says nothing."""
    found = compare("b", "capped", baseline, arm)

    assert (found.difference, found.verdict) == (difference, verdict)


# -- wall-clock -------------------------------------------------------------------------------------------------------


def test_blocks_of_an_arm_add_up() -> None:
    """3 requests in 8 s and 1 in 2 s: 4 in 10 s, 0.4 a second; the 95th percentile of four is the largest."""
    timings = [
        Timing(arm="a", concurrency=4, block=0, seconds=8.0, latencies=[1.0, 4.0, 2.0], failed=1),
        Timing(arm="a", concurrency=4, block=1, seconds=2.0, latencies=[3.0]),
    ]

    assert wall_clock(4, timings) == WallClock(
        concurrency=4, requests=4, failed=1, seconds=10.0, per_second=0.4, latency_p50=2.5, latency_p95=4.0
    )
    nothing = wall_clock(4, [])
    assert (nothing.per_second, nothing.latency_p50, nothing.latency_p95) == (0.0, None, None)


def test_the_95th_percentile_is_that_of_the_nearest_rank() -> None:
    """Of 20 values the 19th, of 21 the 20th."""
    assert percentile95([float(number) for number in range(1, 21)]) == 19
    assert percentile95([float(number) for number in range(1, 22)]) == 20


# -- dollars ----------------------------------------------------------------------------------------------------------


def test_a_price_prices_prompt_cache_and_all_that_was_sampled() -> None:
    """200 prompt tokens, 100 of them cached at 0.1, and 30 kept, 15 dropped, 5 auxiliary at 10: 110 + 500 millionths."""
    tokens = Tokens(kept=30, thinking=20, injected=9, dropped=15, auxiliary=5)
    given = row(prompt_tokens=200, cached_tokens=100, completion_tokens=30, tokens=tokens)

    assert dollars(Price(input=1, cached_input=0.1, output=10), [given])(given) == pytest.approx(0.00061)
    assert dollars(Price(input=1, output=10), [given])(given) == pytest.approx(0.0007)
    assert dollars(Price(input=1, output=10), [])(row(prompt_tokens=1)) is None


def test_without_a_price_the_ledger_says_it() -> None:
    """One that says 0 everywhere is that of a server without prices."""
    free, paid = row(ledger={"usd": {"spent": 0.0}}), row(ledger={"usd": {"spent": 0.02}})

    assert dollars(None, [free, paid])(paid) == 0.02
    assert dollars(None, [free, paid])(free) == 0.0
    assert dollars(None, [free])(free) is None
    assert dollars(None, [paid])(row()) is None


def test_cost_of_pass_is_all_dollars_by_right_answers() -> None:
    """0.01 + 0.02 + 0.03 dollars for one right answer; a failed request is in neither."""
    questions = [Question(name, "?", "1") for name in "abcd"]
    settings = define(
        QuestionSet("q", "0", questions),
        [Arm("plain")],
        model="m",
        samples=1,
        seed=0,
        sampling={},
        concurrency=1,
        timeout=1.0,
    )
    rows = [
        row("a", True, ledger={"usd": {"spent": 0.01}}),
        row("b", False, ledger={"usd": {"spent": 0.02}}),
        row("c", False, ledger={"usd": {"spent": 0.03}}),
        row("d", None, error="x"),
    ]
    (arm,) = summarise(settings, questions, rows).arms

    assert arm.usd == pytest.approx(0.02)
    assert arm.usd_correct == pytest.approx(0.06)
    wrong = [row(name, False, ledger={"usd": {"spent": 0.01}}) for name in "abcd"]
    assert summarise(settings, questions, wrong).arms[0].usd_correct is None


def test_a_price_is_read_from_the_command_line() -> None:
    """Dollars per million tokens: a million in and none out cost the list price."""
    assert parse_price("input=0.5, output=2") == Price(input=0.5, output=2.0)
    assert parse_price("input=0.5,output=2,cached_input=0.05").cached_input == 0.05
    assert parse_price("input=0.5,output=2").usd(1_000_000, 0) == 0.5


@pytest.mark.parametrize(
    "text", ["", "0.5", "input=1", "input=a,output=1", "input=1,output=2,tax=3", "input=-1,output=2"]
)
def test_a_price_that_is_none_is_refused(text: str) -> None:
    """Both figures are needed."""
    with pytest.raises(ConfigError, match="--price"):
        parse_price(text)
