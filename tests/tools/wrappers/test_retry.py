"""What failed without fault is tried again, within bounds."""

from __future__ import annotations

import pytest

from flyball.core.errors import ConfigError
from flyball.tools.result import Result, Status
from flyball.tools.wrappers.retry import Retry

from ..doubles import Probe, context, read_only
from .worlds import Clock, after, now


async def test_a_failed_call_is_made_again_with_growing_pauses() -> None:
    clock = Clock()
    probe = read_only(after(2))
    retry = Retry(probe, attempts=4, backoff=0.1, sleep=clock.sleep, chance=lambda: 1.0)

    assert (await retry.call({}, context())).ok
    assert probe.count == 3
    assert clock.slept == pytest.approx([0.1, 0.2])


async def test_pauses_are_drawn_between_a_half_and_the_whole() -> None:
    clock = Clock()
    await Retry(read_only(after(1)), backoff=0.1, sleep=clock.sleep, chance=lambda: 0.0).call({}, context())
    assert clock.slept == pytest.approx([0.05])


async def test_after_the_last_attempt_the_failure_is_the_answer() -> None:
    clock = Clock()
    probe = read_only(after(99))
    result = await Retry(probe, attempts=3, sleep=clock.sleep).call({}, context())
    assert (result.status, probe.count, len(clock.slept)) == (Status.INFRA, 3, 2)


@pytest.mark.parametrize("status", [Status.OK, Status.USER_ERROR, Status.TIMEOUT, Status.OOM])
async def test_only_failures_without_fault_are_tried_again(status: Status) -> None:
    probe = read_only(lambda _: Result(status, ""))
    assert (await Retry(probe).call({}, context())).status is status
    assert probe.count == 1


async def test_nothing_is_tried_again_when_the_pause_would_outlast_the_deadline() -> None:
    clock = Clock()
    probe = read_only(after(1))
    result = await Retry(probe, backoff=100, sleep=clock.sleep).call({}, context(deadline=now() + 10))
    assert (result.status, probe.count, clock.slept) == (Status.INFRA, 1, [])


def test_a_tool_with_side_effects_cannot_be_repeated() -> None:
    with pytest.raises(ConfigError, match="side effects"):
        Retry(Probe())
