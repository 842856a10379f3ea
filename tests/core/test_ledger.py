"""The ledger: what is spent and allowed, and what children set aside."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.core.errors import RequestError
from flyball.core.ledger import FAN_OUT, SECONDS, TOKENS, USD, Ledger, tool_calls


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_item_without_a_limit_has_no_end() -> None:
    ledger = Ledger()
    ledger.charge(TOKENS, 10**9)
    assert ledger.remaining(TOKENS) == math.inf
    assert ledger.spent(TOKENS) == 10**9
    assert ledger.exhausted() is None


def test_charging_past_a_limit_is_booked_and_leaves_nothing() -> None:
    ledger = Ledger({TOKENS: 5})
    ledger.charge(TOKENS, 8)
    assert (ledger.spent(TOKENS), ledger.remaining(TOKENS)) == (8, 0)
    assert ledger.exhausted() == TOKENS


def test_spending_more_than_remains_changes_nothing() -> None:
    ledger = Ledger({tool_calls("python"): 1})
    assert ledger.try_spend(tool_calls("python"))
    assert not ledger.try_spend(tool_calls("python"))
    assert ledger.spent(tool_calls("python")) == 1


def test_fan_out_and_tool_calls_limit_what_is_started_and_exhaust_nothing_that_runs() -> None:
    ledger = Ledger({FAN_OUT: 0, tool_calls("python"): 0})
    assert ledger.exhausted() is None


def test_a_child_sets_its_limits_aside_until_it_closes() -> None:
    parent = Ledger({TOKENS: 100})
    first, second = parent.child({TOKENS: 50}), parent.child({TOKENS: 50})
    assert parent.remaining(TOKENS) == 0
    first.charge(TOKENS, 20)
    first.close()
    assert parent.remaining(TOKENS) == 30
    assert parent.spent(TOKENS) == 20
    second.close()
    assert parent.remaining(TOKENS) == 80


def test_closing_twice_gives_back_once() -> None:
    parent = Ledger({TOKENS: 10})
    child = parent.child({TOKENS: 4})
    child.close()
    child.close()
    parent.close()
    assert parent.remaining(TOKENS) == 10


def test_what_is_charged_after_closing_reaches_the_parent_at_once() -> None:
    parent = Ledger({TOKENS: 10})
    child = parent.child({TOKENS: 4})
    child.close()
    child.charge(TOKENS, 3)
    assert parent.spent(TOKENS) == 3


def test_a_grandchild_that_closes_after_its_parent_is_not_lost() -> None:
    root = Ledger({TOKENS: 10})
    child = root.child({TOKENS: 8})
    grandchild = child.child({TOKENS: 8})
    grandchild.charge(TOKENS, 5)
    child.close()
    grandchild.close()
    assert root.spent(TOKENS) == 5
    assert root.remaining(TOKENS) == 5


def test_a_child_without_a_limit_spends_from_its_parent_at_once() -> None:
    parent = Ledger({TOKENS: 10})
    child = parent.child()
    child.charge(TOKENS, 4)
    assert (parent.spent(TOKENS), child.spent(TOKENS), child.remaining(TOKENS)) == (4, 4, 6)


def test_a_child_without_a_limit_cannot_spend_what_a_sibling_has_set_aside() -> None:
    parent = Ledger({TOKENS: 10})
    free, sibling = parent.child(), parent.child({TOKENS: 6})
    assert free.exhausted() is None
    free.charge(TOKENS, 4)
    assert free.remaining(TOKENS) == 0
    assert free.exhausted() == TOKENS
    assert sibling.exhausted() is None


def test_a_child_of_an_exhausted_parent_still_has_what_was_set_aside_for_it() -> None:
    parent = Ledger({TOKENS: 10})
    child = parent.child({TOKENS: 10})
    assert parent.remaining(TOKENS) == 0
    assert child.exhausted() is None
    child.charge(TOKENS, 10)
    assert child.exhausted() == TOKENS


def test_a_reservation_reaches_the_ancestor_that_has_the_limit() -> None:
    root = Ledger({TOKENS: 10})
    middle = root.child()
    leaf = middle.child({TOKENS: 7})
    assert (root.remaining(TOKENS), middle.remaining(TOKENS)) == (3, 3)
    leaf.charge(TOKENS, 2)
    leaf.close()
    assert (root.remaining(TOKENS), root.spent(TOKENS), middle.spent(TOKENS)) == (8, 2, 2)


def test_a_child_that_asks_for_more_than_remains_is_refused_and_nothing_is_set_aside() -> None:
    parent = Ledger({TOKENS: 10, USD: 1.0})
    with pytest.raises(RequestError) as refused:
        parent.child({USD: 0.5, TOKENS: 11})
    assert refused.value.param == "flyball.budget"
    assert (parent.remaining(TOKENS), parent.remaining(USD)) == (10, 1.0)


def test_a_child_sees_its_parents_fan_out() -> None:
    parent = Ledger({FAN_OUT: 1})
    child = parent.child({TOKENS: 5})
    assert child.remaining(FAN_OUT) == 1
    assert child.try_spend(FAN_OUT)
    assert not child.try_spend(FAN_OUT)
    assert parent.remaining(FAN_OUT) == 0


def test_seconds_are_the_time_since_the_episode_began_for_children_too() -> None:
    clock = Clock()
    parent = Ledger({SECONDS: 10}, clock=clock)
    clock.now += 4
    child = parent.child({SECONDS: 60})
    assert (child.spent(SECONDS), child.remaining(SECONDS)) == (4, 6)
    clock.now += 6
    assert child.exhausted() == SECONDS
    child.close()
    assert parent.spent(SECONDS) == 10


def test_a_share_of_tokens_is_whole_and_a_share_without_a_limit_is_none() -> None:
    ledger = Ledger({TOKENS: 10, USD: 1.0})
    assert ledger.share(TOKENS, 3) == {TOKENS: 3}
    assert ledger.share(USD, 4) == {USD: 0.25}
    assert ledger.share(SECONDS, 3) == {}


@given(st.floats(1e-6, 1e4), st.integers(1, 64))
def test_every_sibling_gets_its_share_of_any_sum(usd: float, among: int) -> None:
    parent = Ledger({USD: usd})
    share = parent.share(USD, among)
    children = [parent.child(share) for _ in range(among)]
    for child in children:
        child.charge(USD, child.remaining(USD))
        child.close()
    assert parent.spent(USD) == pytest.approx(usd)


@given(st.integers(0, 200), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=40))
def test_siblings_that_spend_in_any_order_are_charged_to_the_unit(limit: int, spending: list[tuple[int, int]]) -> None:
    parent = Ledger({TOKENS: limit})
    children = [parent.child(parent.share(TOKENS, 6 - index)) for index in range(6)]
    spent = 0
    for index, amount in spending:
        if children[index].try_spend(TOKENS, amount):
            spent += amount
    for child in children:
        child.close()
    assert parent.spent(TOKENS) == spent <= limit
    assert parent.remaining(TOKENS) == limit - spent


def test_the_summary_says_what_was_spent_of_what() -> None:
    clock = Clock()
    ledger = Ledger({TOKENS: 10}, clock=clock)
    ledger.charge(TOKENS, 3)
    ledger.charge(USD, 0.12345678)
    clock.now += 2
    assert ledger.summary() == {
        TOKENS: {"spent": 3, "limit": 10},
        USD: {"spent": 0.123457},
        SECONDS: {"spent": 2.0},
    }
