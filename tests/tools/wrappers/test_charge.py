"""Calls are paid from the ledger, or refused with what is left."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from flyball.core.ledger import Ledger
from flyball.tools.result import Result, Status, Usage
from flyball.tools.wrappers.charge import Charge

from ..doubles import Probe, context, limited
from .worlds import Gate, after


async def test_calls_are_counted_and_those_beyond_the_budget_refused() -> None:
    probe = Probe(name="python")
    charge = Charge(probe, others=lambda: ["python", "search", "fetch", "mail"])
    asked = limited(python=2, search=3, mail=0)

    results = [await charge.call({}, asked) for _ in range(3)]
    assert [result.status for result in results] == [Status.OK, Status.OK, Status.USER_ERROR]
    assert results[2].text == "The budget allows no more calls of 'python' (2 used). Left: search 3, fetch."
    assert probe.count == 2
    assert asked.ledger.spent("tool_calls.python") == 2


async def test_a_refusal_names_only_tools_that_the_caller_may_call() -> None:
    charge = Charge(Probe(name="python"), others=lambda: ["python", "search", "fetch"])
    asked = replace(limited(python=0), tools=["fetch", "python"])

    assert (await charge.call({}, asked)).text.endswith("Left: fetch.")


async def test_a_refusal_when_nothing_is_left_says_to_answer() -> None:
    charge = Charge(Probe(name="python"), others=lambda: ["python"])
    result = await charge.call({}, limited(python=0))
    assert result.text == "The budget allows no more calls of 'python' (0 used). Answer with what you have."


async def test_the_price_is_paid_before_the_call_and_refused_when_too_high() -> None:
    probe = Probe(usd=0.04)
    ledger = Ledger({"usd": 0.1})
    results = [await Charge(probe).call({}, context(ledger=ledger)) for _ in range(3)]

    assert [result.status for result in results] == [Status.OK, Status.OK, Status.USER_ERROR]
    assert "costs $0.04; $0.02 of the budget are left" in results[2].text
    assert ledger.spent("usd") == pytest.approx(0.08)
    assert results[0].usage.usd == 0.04


async def test_a_call_dearer_than_its_price_is_booked_as_it_is() -> None:
    ledger = Ledger()
    charge = Charge(Probe(lambda _: Result(Status.OK, "", usage=Usage(usd=0.5)), usd=0.1))
    assert (await charge.call({}, context(ledger=ledger))).usage.usd == 0.5
    assert ledger.spent("usd") == pytest.approx(0.5)


async def test_a_failure_that_is_nobodys_fault_is_not_counted_as_a_call() -> None:
    asked = limited(probe=1)
    charge = Charge(Probe(after(2)))
    assert [(await charge.call({}, asked)).status for _ in range(3)] == [Status.INFRA, Status.INFRA, Status.OK]
    assert asked.ledger.remaining("tool_calls.probe") == 0


async def test_a_budget_holds_for_calls_at_the_same_time() -> None:
    gate, asked = Gate(), limited(probe=2)
    charge = Charge(Probe(lambda _: gate.work()))
    calls = [asyncio.create_task(charge.call({}, asked)) for _ in range(5)]
    for _ in range(2):
        await asyncio.wait_for(gate.entered.acquire(), 5)
    gate.open.set()
    assert sorted(result.status for result in await asyncio.gather(*calls)) == ["ok", "ok"] + ["user_error"] * 3


async def test_a_batched_call_costs_its_entries_and_is_refused_whole_beyond_the_budget() -> None:
    probe, asked = Probe(name="search", batch="query", usd=0.001), limited(search=6)
    charge = Charge(probe)

    first = await charge.call({"query": ["a", "b", "c", "d"]}, asked)
    assert (asked.ledger.spent("tool_calls.search"), first.usage.usd) == (4, 0.004)
    refused = await charge.call({"query": ["e", "f", "g"]}, asked)
    assert refused.text == "This call counts as 3 calls of 'search'; the budget allows 2 more. Ask for fewer at once."
    assert (asked.ledger.spent("tool_calls.search"), probe.count) == (4, 1)
    await charge.call({"query": ["e", "f"]}, asked)
    assert asked.ledger.remaining("tool_calls.search") == 0


async def test_without_a_list_a_batched_tool_costs_one() -> None:
    asked = limited(search=9)
    charge = Charge(Probe(name="search", batch="query"))
    for query in ("one", [], ["one"], None):
        await charge.call({"query": query}, asked)
    assert asked.ledger.spent("tool_calls.search") == 4


async def test_a_batch_that_fails_without_fault_is_not_counted() -> None:
    asked = limited(search=4)
    await Charge(Probe(after(1), name="search", batch="query")).call({"query": ["a", "b"]}, asked)
    assert asked.ledger.remaining("tool_calls.search") == 4


async def test_a_budget_of_batches_holds_for_calls_at_the_same_time() -> None:
    gate, asked = Gate(), limited(search=5)
    charge = Charge(Probe(lambda _: gate.work(), name="search", batch="query"))
    calls = [asyncio.create_task(charge.call({"query": ["a", "b"]}, asked)) for _ in range(5)]
    for _ in range(2):
        await asyncio.wait_for(gate.entered.acquire(), 5)
    gate.open.set()
    assert sorted(result.status for result in await asyncio.gather(*calls)) == ["ok", "ok"] + ["user_error"] * 3
    assert asked.ledger.remaining("tool_calls.search") == 1
