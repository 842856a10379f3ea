"""Nothing runs that was not approved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flyball.tools.result import Status
from flyball.tools.tool import CallContext, ToolSpec
from flyball.tools.wrappers.approval import Approval

from ..doubles import Probe, context
from .worlds import hang, now


async def test_a_call_that_is_not_approved_is_not_made() -> None:
    probe, seen = Probe(), []

    async def no(spec: ToolSpec, arguments: Mapping[str, Any], context: CallContext) -> bool:
        seen.append((spec.name, arguments, context.session))
        return False

    result = await Approval(probe, no).call({"a": 1}, context())
    assert (result.status, probe.count) == (Status.USER_ERROR, 0)
    assert "was not approved" in result.text
    assert seen == [("probe", {"a": 1}, "s")]


async def test_nobody_answering_in_time_is_a_no() -> None:
    async def absent(spec: ToolSpec, arguments: Mapping[str, Any], context: CallContext) -> bool:
        return bool(await hang())

    probe = Probe()
    result = await Approval(probe, absent).call({}, context(deadline=now() + 0.01))
    assert (result.status, probe.count) == (Status.TIMEOUT, 0)
    assert "Nobody approved" in result.text


async def test_an_approval_that_fails_lets_nothing_through() -> None:
    async def broken(spec: ToolSpec, arguments: Mapping[str, Any], context: CallContext) -> bool:
        raise TimeoutError

    probe = Probe()
    with pytest.raises(TimeoutError):
        await Approval(probe, broken).call({}, context(deadline=now() + 100))
    assert probe.count == 0
