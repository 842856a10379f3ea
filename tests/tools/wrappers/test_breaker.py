"""A tool that keeps failing is left alone for a while."""

from __future__ import annotations

import asyncio

import pytest

from flyball.tools.result import Result, Status
from flyball.tools.wrappers.breaker import Breaker

from ..doubles import Probe, context, infra, ok
from .worlds import Clock, Gate


async def test_a_tool_that_keeps_failing_is_left_alone_then_tried_once() -> None:
    clock, works = Clock(), False
    probe = Probe(lambda _: ok() if works else infra())
    breaker = Breaker(probe, failures=3, cooldown=10, clock=clock)

    for _ in range(5):
        result = await breaker.call({}, context())
    assert (result.status, probe.count) == (Status.INFRA, 3)
    assert result.text == "'probe' is out of order for the moment. Go on without it."

    clock.now = 10
    await breaker.call({}, context())
    await breaker.call({}, context())
    assert probe.count == 4  # one try, which failed: the cooldown began anew

    clock.now, works = 20, True
    assert (await breaker.call({}, context())).ok
    assert (await breaker.call({}, context())).ok


async def test_while_one_call_tries_others_are_still_refused() -> None:
    clock, gate, broken = Clock(), Gate(), True
    probe = Probe(lambda _: infra() if broken else gate.work())
    breaker = Breaker(probe, failures=1, cooldown=10, clock=clock)
    await breaker.call({}, context())
    clock.now, broken = 10, False

    trying = asyncio.create_task(breaker.call({}, context()))
    await asyncio.wait_for(gate.entered.acquire(), 5)
    assert (await breaker.call({}, context())).status is Status.INFRA
    gate.open.set()
    assert (await trying).ok


async def test_a_try_that_is_cancelled_lets_the_next_one_try() -> None:
    clock, gate, broken = Clock(), Gate(), True
    breaker = Breaker(Probe(lambda _: infra() if broken else gate.work()), failures=1, cooldown=10, clock=clock)
    await breaker.call({}, context())
    clock.now, broken = 10, False

    trying = asyncio.create_task(breaker.call({}, context()))
    await asyncio.wait_for(gate.entered.acquire(), 5)
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    gate.open.set()
    assert (await breaker.call({}, context())).ok


@pytest.mark.parametrize("status", [Status.OK, Status.USER_ERROR, Status.TIMEOUT, Status.OOM])
async def test_what_callers_do_wrong_is_no_failure_of_the_tool(status: Status) -> None:
    """And it ends a row of failures, as the tool answered."""
    answers = iter([infra(), Result(status, ""), infra(), Result(status, ""), infra(), ok("still there")])
    breaker = Breaker(Probe(lambda _: next(answers)), failures=2)
    for _ in range(5):
        await breaker.call({}, context())
    assert (await breaker.call({}, context())).text == "still there"
