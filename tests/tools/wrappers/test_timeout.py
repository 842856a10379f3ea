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


# -- calls that do not heed their cancellation -------------------------------------------------------------------------


class Deaf:
    """Work that swallows every cancellation until it is let out."""

    def __init__(self) -> None:
        self.out = asyncio.Event()
        self.begun = asyncio.Event()

    async def work(self, _: object = None) -> Result:
        self.begun.set()
        while not self.out.is_set():
            try:
                await self.out.wait()
            except asyncio.CancelledError:
                continue
        return Result(Status.OK, "late")


async def until_none_strays(tool: Timeout) -> None:
    async with asyncio.timeout(5):
        while tool.strays:
            await asyncio.sleep(0)


async def test_a_call_that_swallows_its_cancellation_is_left_alone_and_counted_until_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    deaf = Deaf()
    tool = Timeout(Probe(deaf.work, timeout=0.01), grace=0.01)
    result = await tool.call({}, context())

    assert result.status is Status.TIMEOUT
    assert tool.strays == 1
    assert "does not heed its cancellation" in caplog.text
    deaf.out.set()
    await until_none_strays(tool)


async def test_a_caller_that_goes_away_is_not_held_by_such_a_call() -> None:
    deaf = Deaf()
    tool = Timeout(Probe(deaf.work), grace=0.01)
    caller = asyncio.create_task(tool.call({}, context()))
    await deaf.begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert tool.strays == 1
    deaf.out.set()
    await until_none_strays(tool)


async def test_too_many_such_calls_and_further_ones_are_refused() -> None:
    deaf = Deaf()
    probe = Probe(deaf.work, timeout=0.01)
    tool = Timeout(probe, grace=0.01, most_strays=2)
    for _ in range(2):
        await tool.call({}, context())
    refused = await tool.call({}, context())

    assert (refused.status, probe.count) == (Status.INFRA, 2)
    assert "out of order" in refused.text
    deaf.out.set()
    await until_none_strays(tool)
    assert (await tool.call({}, context())).ok


def test_the_event_loop_ends_although_such_a_call_runs_on() -> None:
    """As when a server stops: whoever waits for all tasks does not wait for this one."""

    async def main() -> Status:
        return (await Timeout(Probe(Deaf().work, timeout=0.01), grace=0.01).call({}, context())).status

    with asyncio.Runner() as runner:
        assert runner.run(main()) is Status.TIMEOUT


async def test_an_error_that_comes_with_the_cancellation_is_nobodys() -> None:
    async def work(_: object) -> Result:
        try:
            return await hang()
        except asyncio.CancelledError:
            raise KeyError("cleaning up") from None

    assert (await Timeout(Probe(work, timeout=0.01)).call({}, context())).status is Status.TIMEOUT
