"""What all wrappers have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from flyball.tools.result import Status
from flyball.tools.tool import CallContext, Tool, ToolSpec
from flyball.tools.wrappers.approval import Approval
from flyball.tools.wrappers.base import Wrapper
from flyball.tools.wrappers.breaker import Breaker
from flyball.tools.wrappers.cache import Cache
from flyball.tools.wrappers.charge import Charge
from flyball.tools.wrappers.checked import Checked
from flyball.tools.wrappers.concurrency import Concurrency
from flyball.tools.wrappers.guard import Guard
from flyball.tools.wrappers.output_cap import OutputCap
from flyball.tools.wrappers.retry import Retry
from flyball.tools.wrappers.timeout import Timeout

from ..doubles import context, pure


async def yes(spec: ToolSpec, arguments: Mapping[str, Any], context: CallContext) -> bool:
    return True


@pytest.mark.parametrize(
    "wrap",
    [
        Wrapper,
        Guard,
        Checked,
        Timeout,
        Retry,
        Cache,
        Concurrency,
        OutputCap,
        Breaker,
        Charge,
        lambda tool: Approval(tool, yes),
    ],
)
async def test_a_wrapper_is_a_tool_that_hands_everything_on(wrap: Callable[[Tool], Tool]) -> None:
    probe = pure(name="inner")
    wrapped = wrap(probe)

    result = await wrapped.call({"a": 1}, context("mine", call_id="c1"))
    await wrapped.end_session("mine")
    await wrapped.close()

    assert wrapped.spec is probe.spec
    assert (result.status, result.text) == (Status.OK, "answer 1")
    assert probe.asked == [{"a": 1}]
    assert (probe.contexts[0].session, probe.contexts[0].call_id) == ("mine", "c1")
    assert (probe.ended, probe.closed) == (["mine"], True)
