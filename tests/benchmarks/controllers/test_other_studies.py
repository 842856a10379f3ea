"""Deciding, budgets, the preset and watching: their figures, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.controllers.asking import Workshop
from benchmarks.controllers.plan import Scale
from benchmarks.controllers.rows import of_arm
from benchmarks.controllers.studies.budgets import Spent, spent
from benchmarks.controllers.studies.budgets import find as find_budgets
from benchmarks.controllers.studies.deciding import Choice, best_of, choice, oracle, saved
from benchmarks.controllers.studies.flyball_preset import Worth, dominates
from benchmarks.controllers.studies.flyball_preset import find as find_preset
from benchmarks.controllers.studies.watching import Round, costs
from flyball.training.evaluate.rows import Row

from .rows_by_hand import report, row

SHOP = Workshop(Path(), Scale(2, 1))


# -- deciding ----------------------------------------------------------------------------------------------------------


def test_the_oracle_thinks_only_where_the_answer_without_is_wrong() -> None:
    """Without thinking three of four are right for 10 tokens, with it all for 100: all for (3 * 10 + 100) / 4."""
    always = [row(id, "always think", thinking=90, kept=100) for id in "abcd"]
    never = [row(id, "never think", kept=10, correct=id != "d") for id in "abcd"]
    found = report([*always, *never], ["always think", "never think"])

    ideal = oracle(of_arm(found, "always think"), of_arm(found, "never think"))

    assert ideal == Choice(accuracy=1.0, tokens=32.5, thought=0.25)


def test_what_a_decision_takes_is_part_of_what_an_arm_takes() -> None:
    found = report([row("a", "probe", kept=10, auxiliary=5), row("b", "probe", thinking=90, kept=100)], ["probe"])

    assert choice(of_arm(found, "probe")) == Choice(accuracy=1.0, tokens=57.5, thought=0.5)


def test_the_share_of_the_oracles_saving_in_tokens() -> None:
    """The oracle saves 67.5 of 100; 46 tokens save 54, which is 80% of it."""
    always, ideal = Choice(1.0, 100.0, 1.0), Choice(1.0, 32.5, 0.25)

    assert saved(Choice(1.0, 46.0, 0.4), always, ideal) == pytest.approx(0.8)


def test_a_mode_that_costs_more_than_a_point_is_not_the_best() -> None:
    always, ideal = Choice(0.98, 100.0, 1.0), Choice(1.0, 30.0, 0.2)
    modes = {"cheap": Choice(0.96, 35.0, 0.2), "near": Choice(0.971, 50.0, 0.4), "dear": Choice(0.98, 90.0, 0.9)}

    assert best_of(modes, always, ideal) == "near"
    assert best_of({"cheap": modes["cheap"]}, always, ideal) is None


# -- budgets -----------------------------------------------------------------------------------------------------------


def called(question: str, arm: str, spent: int, limit: int, *, correct: bool = True) -> Row:
    return row(question, arm, correct=correct, ledger={"tool_calls.search": {"spent": spent, "limit": limit}})


def test_calls_what_is_left_and_what_is_over_by_the_ledger() -> None:
    """Limits of 4 with 1, 4 and 5 spent: 10/3 calls, 2/3 unspent, one over."""
    rows = [called("a", "x", 1, 4), called("b", "x", 4, 4), called("c", "x", 5, 4)]

    assert spent(rows) == pytest.approx(Spent(calls=10 / 3, unspent=2 / 3, over=1))


def test_the_block_is_compared_with_the_limit_alone_at_each_budget() -> None:
    alone, tracked = "2 calls, limit alone", "2 calls, budget_tracker"
    rows = [called(id, alone, 2, 2) for id in "abcd"] + [called(id, tracked, 1, 2, correct=False) for id in "abcd"]
    below, over = find_budgets({"two_hop": report(rows, [alone, tracked])}, SHOP).goals

    assert (below.found, below.met) == ("-100.0 points", False)
    assert (over.found, over.met) == ("0", True)


def test_a_difference_within_chance_is_not_below() -> None:
    alone, tracked = "1 call, limit alone", "1 call, budget_tracker"
    rows = [called(id, alone, 1, 1, correct=id != "a") for id in "abcdefgh"]
    rows += [called(id, tracked, 1, 1, correct=id not in "bc") for id in "abcdefgh"]
    compared, _ = find_budgets({"two_hop": report(rows, [alone, tracked])}, SHOP).goals

    assert (compared.found, compared.met) == ("-12.5 points (within chance)", True)


# -- the preset --------------------------------------------------------------------------------------------------------


def test_an_arm_dominates_what_is_nowhere_better_and_somewhere_worse() -> None:
    own = Worth(0.9, 100.0, 1.0)

    assert dominates(own, Worth(0.9, 120.0, 1.0))
    assert dominates(own, Worth(0.8, 100.0, 1.0))
    assert not dominates(own, Worth(0.91, 200.0, 2.0))
    assert not dominates(own, Worth(0.5, 200.0, 0.5))
    assert not dominates(own, own)


def test_a_part_that_dominates_the_preset_is_named() -> None:
    """Calls count in dollars: trimr has the preset's accuracy and tokens, and one call less."""
    ledger = {"usd": {"spent": 0.001}}
    preset = row("a", "flyball", ledger=ledger | {"tool_calls.search": {"spent": 1}})
    rows = [row("a", "plain", correct=False, ledger=ledger), row("a", "trimr", ledger=ledger), preset]
    found = find_preset({"mixed": report(rows, ["plain", "trimr", "flyball"])}, SHOP)
    (goal,) = found.goals

    assert (goal.found, goal.met) == ("trimr", False)
    assert found.figures["flyball"]["usd"] == pytest.approx(0.002)


def test_plain_is_no_part() -> None:
    rows = [row("a", "plain"), row("a", "trimr", correct=False), row("a", "flyball", kept=99)]
    (goal,) = find_preset({"mixed": report(rows, ["plain", "trimr", "flyball"])}, SHOP).goals

    assert (goal.found, goal.met) == ("none", True)


# -- watching ----------------------------------------------------------------------------------------------------------


def test_ratios_of_throughput_are_paired_by_round() -> None:
    """95 of 100 and 180 of 200: 0.95 and 0.9, in the middle 0.925; delays of 1 and 3 s above plain's of 1 s."""
    rounds = [
        {"plain": Round(100.0, [1.0, 1.0], 0), "trimr": Round(95.0, [1.0, 3.0], 0)},
        {"plain": Round(200.0, [1.0, 1.0], 0), "trimr": Round(180.0, [3.0, 3.0], 2)},
    ]
    found = costs(rounds)["trimr"]

    assert found.throughput == pytest.approx(0.925)
    assert (found.worst, found.best) == (0.9, 0.95)
    assert (found.p50, found.added_p50, found.edits) == (3.0, 2.0, 2)
