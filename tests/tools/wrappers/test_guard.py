"""A guarded tool raises nothing; a checked one never sees wrong arguments."""

from __future__ import annotations

import asyncio

import pytest

from flyball.core.errors import ToolError
from flyball.tools.result import Result, Status
from flyball.tools.wrappers.checked import Checked
from flyball.tools.wrappers.guard import Guard

from ..doubles import Probe, context, ok


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ToolError("no such page"), Status.USER_ERROR, "no such page"),
        (ValueError("secret"), Status.INFRA, "The tool 'probe' failed. This was not caused by your call."),
    ],
)
async def test_a_guarded_tool_raises_nothing(error: Exception, status: Status, text: str) -> None:
    def fail(_: object) -> Result:
        raise error

    result = await Guard(Probe(fail)).call({}, context())
    assert (result.status, result.text) == (status, text)


async def test_cancelling_goes_through_a_guard() -> None:
    started = asyncio.Event()

    async def hang() -> Result:
        started.set()
        await asyncio.Event().wait()
        return ok()

    call = asyncio.create_task(Guard(Probe(lambda _: hang())).call({}, context()))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_wrong_arguments_never_reach_the_tool() -> None:
    probe = Probe(parameters={"properties": {"n": {"type": "integer"}}})
    result = await Checked(probe).call({"n": "x"}, context())

    assert (result.status, probe.count) == (Status.USER_ERROR, 0)
    assert result.text == "The call of 'probe' is wrong: argument 'n': expected integer, got \"x\"."


async def test_arguments_arrive_as_the_check_read_them() -> None:
    probe = Probe(parameters={"properties": {"n": {"type": "integer"}}})
    await Checked(probe).call({"n": "7"}, context())
    assert probe.asked == [{"n": 7}]
