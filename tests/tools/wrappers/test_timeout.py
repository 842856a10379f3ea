"""A call ends in time, and its caller's deadline counts."""

from __future__ import annotations

import asyncio
import math

import pytest

from flyball.tools.result import Result, Status
from flyball.tools.wrappers.timeout import Timeout

from ..doubles import Probe, context
from .worlds import hang, now


async def test_a_call_that_takes_too_long_is_stopped() -> None:
    stopped = asyncio.Event()

    async def work() -> Result:
        try:
            return await hang()
        finally:
            stopped.set()

    result = await Timeout(Probe(lambda _: work(), timeout=0.01)).call({}, context())
    assert result.status is Status.TIMEOUT
    assert "'probe' was stopped" in result.text
    assert result.usage.seconds >= 0.01
    assert stopped.is_set()


async def test_the_callers_deadline_counts_when_it_comes_first() -> None:
    result = await Timeout(Probe(hang, timeout=1000)).call({}, context(deadline=now() + 0.01))
    assert result.status is Status.TIMEOUT


async def test_a_call_without_time_left_is_not_made() -> None:
    probe = Probe()
    result = await Timeout(probe).call({}, context(deadline=now() - 1))
    assert (result.status, probe.count) == (Status.TIMEOUT, 0)


async def test_the_tool_is_told_its_deadline() -> None:
    probe = Probe(timeout=7)
    await Timeout(probe).call({}, context())
    assert now() < probe.contexts[0].deadline <= now() + 7


async def test_a_timeout_error_of_the_tool_itself_is_not_taken_for_ours() -> None:
    def fail(_: object) -> Result:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await Timeout(Probe(fail)).call({}, context())


async def test_a_tool_may_have_no_timeout() -> None:
    assert (await Timeout(Probe(timeout=math.inf)).call({}, context())).ok
