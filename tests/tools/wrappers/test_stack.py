"""The standard order of wrappers, by what it means for a caller."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from flyball.core.errors import ConfigError, ToolError
from flyball.core.ledger import Ledger
from flyball.tools.result import Result, Status
from flyball.tools.tool import CallContext, ToolSpec
from flyball.tools.wrappers.stack import StackSettings, stacked

from ..doubles import Probe, context, infra, limited, ok, pure, read_only

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def test_a_wrong_call_costs_nothing_and_asks_nobody() -> None:
    asked: list[ToolSpec] = []

    async def approve(spec: ToolSpec, arguments: Mapping[str, Any], context: CallContext) -> bool:
        asked.append(spec)
        return True

    caller = limited(probe=1)
    tool = stacked(Probe(parameters=NUMBER), approve=approve)
    assert (await tool.call({}, caller)).status is Status.USER_ERROR
    assert (asked, caller.ledger.spent("tool_calls.probe")) == ([], 0)
    assert (await tool.call({"n": 1}, caller)).ok
    assert len(asked) == 1


async def test_an_answer_from_memory_costs_nothing() -> None:
    caller = limited(probe=1)
    tool = stacked(pure())
    assert [(await tool.call({}, caller)).text for _ in range(3)] == ["answer 1"] * 3


async def test_without_a_cache_every_call_is_made() -> None:
    tool = stacked(pure(), StackSettings(cache_entries=0))
    assert [(await tool.call({}, context())).text for _ in range(2)] == ["answer 1", "answer 2"]


async def test_repetitions_of_one_call_are_paid_once() -> None:
    answers = iter([infra(), ok()])
    ledger = Ledger()
    probe = read_only(lambda _: next(answers), usd=0.1)
    assert (await stacked(probe).call({}, context(ledger=ledger))).ok
    assert probe.count == 2
    assert ledger.spent("usd") == pytest.approx(0.1)


async def test_a_tool_with_side_effects_is_called_once_only() -> None:
    probe = Probe(lambda _: infra())
    assert (await stacked(probe).call({}, context())).status is Status.INFRA
    assert probe.count == 1


async def test_a_busy_tool_is_not_taken_for_a_broken_one() -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def work() -> Result:
        started.set()
        await go.wait()
        return ok()

    tool = stacked(Probe(lambda _: work()), StackSettings(concurrency=1, wait=0.001, failures=1))
    running = asyncio.create_task(tool.call({}, context()))
    await asyncio.wait_for(started.wait(), 5)
    assert "busy" in (await tool.call({}, context())).text
    go.set()
    assert (await running).ok
    assert (await tool.call({}, context())).ok


async def test_a_tool_that_raises_too_often_is_left_alone() -> None:
    def fail(_: object) -> Result:
        raise RuntimeError

    probe = Probe(fail)
    tool = stacked(probe, StackSettings(failures=2))
    texts = [(await tool.call({}, context())).text for _ in range(3)]
    assert (probe.count, "out of order" in texts[2]) == (2, True)


async def test_the_timeout_holds_for_all_repetitions_together() -> None:
    async def hang() -> Result:
        await asyncio.Event().wait()
        return ok()

    probe = read_only(lambda _: hang(), timeout=0.01)
    assert (await stacked(probe).call({}, context())).status is Status.TIMEOUT
    assert probe.count == 1


async def test_texts_of_errors_are_cut_too() -> None:
    def fail(_: object) -> Result:
        raise ToolError("x" * 1000)

    result = await stacked(Probe(fail), StackSettings(output_characters=100)).call({}, context())
    assert (result.status, len(result.text) < 200) == (Status.USER_ERROR, True)


async def test_a_refusal_names_the_other_tools() -> None:
    tool = stacked(Probe(), others=lambda: ["probe", "search"])
    assert (await tool.call({}, limited(probe=0, search=2))).text.endswith("Left: search 2.")


def test_a_schema_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ConfigError):
        stacked(Probe(parameters={"type": "nonsense"}))
