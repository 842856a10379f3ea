"""No more calls at once than the limit; who waits too long is told."""

from __future__ import annotations

import asyncio

import pytest

from flyball.tools.result import Status
from flyball.tools.wrappers.concurrency import Concurrency

from ..doubles import Probe, context
from .worlds import Gate, now


async def test_no_more_calls_run_at_once_than_the_limit() -> None:
    gate = Gate()
    limit = Concurrency(Probe(lambda _: gate.work()), limit=2)
    calls = [asyncio.create_task(limit.call({}, context())) for _ in range(6)]
    for _ in range(2):
        await asyncio.wait_for(gate.entered.acquire(), 5)
    assert gate.inside == 2

    gate.open.set()
    assert all(result.ok for result in await asyncio.gather(*calls))
    assert gate.most == 2


@pytest.mark.parametrize(("wait", "seconds"), [(0.01, 1000.0), (1000.0, 0.01)], ids=["wait", "deadline"])
async def test_a_call_that_waits_too_long_is_told_that_the_tool_is_busy(wait: float, seconds: float) -> None:
    gate = Gate()
    limit = Concurrency(Probe(lambda _: gate.work()), limit=1, wait=wait)
    running = asyncio.create_task(limit.call({}, context()))
    await asyncio.wait_for(gate.entered.acquire(), 5)

    result = await limit.call({}, context(deadline=now() + seconds))
    assert (result.status, result.text) == (
        Status.INFRA,
        "'probe' is busy with other calls. Try again later.",
    )
    gate.open.set()
    assert (await running).ok


async def test_a_call_that_raises_or_is_cancelled_makes_room() -> None:
    gate = Gate()
    limit = Concurrency(Probe(lambda _: gate.work()), limit=1, wait=5)
    running = asyncio.create_task(limit.call({}, context()))
    await asyncio.wait_for(gate.entered.acquire(), 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    gate.open.set()
    assert (await limit.call({}, context())).ok
