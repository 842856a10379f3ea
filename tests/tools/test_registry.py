"""Tools by name: which names there may be, and that one tool's trouble is not the others'."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from flyball.core.errors import ConfigError
from flyball.tools.registry import Registry
from flyball.tools.result import Status
from flyball.tools.wrappers.stack import stacked

from .doubles import Probe, context, limited


def test_tools_are_found_by_name_in_the_order_in_which_they_came() -> None:
    tools = Registry([Probe(name="b"), Probe(name="a")])
    tools.add(Probe(name="c-1_X"))

    assert list(tools) == ["b", "a", "c-1_X"]
    assert [spec.name for spec in tools.specs()] == list(tools)
    assert len(tools) == 3
    assert tools["a"].spec.name == "a"
    assert "d" not in tools


@pytest.mark.parametrize("name", ["", "a b", "a.b", "x" * 65, "ü", "a\n"])
def test_a_name_that_the_api_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a tool"):
        Registry([Probe(name=name)])


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two tools 'a'"):
        Registry([Probe(name="a"), Probe(name="a")])


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="'a': its schema"):
        Registry([Probe(name="a", parameters={"type": 1})])


async def test_arguments_are_checked_by_default() -> None:
    tools = Registry([Probe(name="a", parameters={"required": ["n"]})])
    assert (await tools["a"].call({}, context())).status is Status.USER_ERROR


async def test_every_tool_gets_the_wrappers_asked_for() -> None:
    tools = Registry(wrap=lambda tool: stacked(tool, others=lambda: tools))
    for name in ("a", "b"):
        tools.add(Probe(name=name))
    assert (await tools["a"].call({}, limited(a=0))).text.endswith("Left: b.")


class Stuck(Probe):
    async def end_session(self, session: str) -> None:
        raise RuntimeError("stuck")

    async def close(self) -> None:
        raise RuntimeError("stuck")


async def test_a_tool_that_cannot_clean_up_is_logged_and_the_others_still_do(caplog: pytest.LogCaptureFixture) -> None:
    first, last = Probe(name="first"), Probe(name="last")
    tools = Registry([first, Stuck(name="stuck"), last])

    for tool in tools.values():
        await tool.call({}, context("s"))
    await tools.end_session("s")
    await tools.close()

    assert (first.ended, last.ended, first.closed, last.closed) == (["s"], ["s"], True, True)
    assert [(record.levelno, "stuck" in record.message) for record in caplog.records] == [(logging.ERROR, True)] * 2


async def test_a_session_ends_with_the_tools_that_it_called() -> None:
    """With ten thousand tools, asking all of them at the end of every trajectory would hold the server up."""
    called, other = Probe(name="called"), Probe(name="other")
    tools = Registry([called, other])
    await tools["called"].call({}, context("a"))
    await tools["called"].call({}, context("b"))
    await tools["other"].call({}, context("b"))

    await tools.end_session("a")
    await tools.end_session("a")
    assert (called.ended, other.ended) == (["a"], [])


async def test_a_tool_that_is_removed_is_forgotten_and_its_name_is_free_again() -> None:
    gone, new = Probe(name="a"), Probe(name="a")
    tools = Registry([gone])
    await tools["a"].call({}, context("s"))
    tools.remove("a")
    assert list(tools) == []
    await tools.end_session("s")

    tools.add(new)
    await tools["a"].call({}, context("s"))
    await tools.end_session("s")
    assert (gone.count, gone.ended, new.count, new.ended) == (1, [], 1, ["s"])


async def test_a_session_that_was_called_in_vain_ends_too() -> None:
    tools = Registry([stuck := Stuck(name="stuck", parameters={"required": ["n"]})])
    await tools["stuck"].call({}, context("s"))
    await tools.end_session("s")
    assert stuck.count == 0


class Keeps(Probe):
    """Says what it keeps."""

    def __init__(self, kept: Any, **fields: Any) -> None:
        super().__init__(**fields)
        self.kept = kept

    def memory(self) -> Any:
        if isinstance(self.kept, Exception):
            raise self.kept
        return self.kept


def test_what_tools_keep_is_added_up_by_session_through_their_wrappers() -> None:
    tools = Registry(
        [Keeps({"s": 1}, name="a"), Keeps({"s": 2, "t": 3}, name="b"), Probe(name="silent")],
        wrap=lambda tool: stacked(tool, None),
    )

    assert tools.memory() == {"s": 3, "t": 3}


@pytest.mark.parametrize("kept", [KeyError("x"), 7], ids=["raises", "no mapping"])
def test_a_tool_that_cannot_say_what_it_keeps_does_not_silence_the_others(
    kept: object, caplog: pytest.LogCaptureFixture
) -> None:
    tools = Registry([Keeps(kept, name="a"), Keeps({"s": 2}, name="b")])

    assert tools.memory() == {"s": 2}
    assert "tool a cannot say what it keeps" in caplog.text
