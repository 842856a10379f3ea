"""Answers of pure tools are kept, within bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flyball.core.errors import ConfigError
from flyball.tools.result import Image, Result, Status, Usage
from flyball.tools.wrappers.cache import Cache

from ..doubles import context, ok, pure, read_only
from .worlds import after


async def test_an_equal_call_is_answered_from_memory() -> None:
    probe = pure(lambda _: Result(Status.OK, "4", usage=Usage(3.0, usd=1.0)))
    cache = Cache(probe)
    first = await cache.call({"a": 1, "b": 2}, context())
    second = await cache.call({"b": 2, "a": 1}, context())

    assert probe.count == 1
    assert not first.repeated
    assert second == replace(first, repeated=True, usage=Usage())


async def test_different_calls_are_not_equal() -> None:
    probe = pure()
    cache = Cache(probe)
    answers = {(await cache.call({"a": value}, context())).text for value in (1, 1.0, "1", True)}
    assert len(answers) == 4


@pytest.mark.parametrize(("shared", "calls"), [(False, 2), (True, 1)])
async def test_sessions_share_answers_only_when_told_to(shared: bool, calls: int) -> None:
    probe = pure()
    cache = Cache(probe, shared=shared)
    for session in ("a", "b"):
        await cache.call({}, context(session))
    assert probe.count == calls


async def test_a_sessions_answers_are_forgotten_with_it() -> None:
    probe = pure()
    cache = Cache(probe)
    for session in ("a", "b"):
        await cache.call({}, context(session))
    await cache.end_session("a")
    for session in ("a", "b"):
        await cache.call({}, context(session))
    assert probe.count == 3
    assert cache.bytes > 0
    await cache.end_session("a")
    await cache.end_session("b")
    assert cache.bytes == 0


async def test_shared_answers_outlive_the_session_that_asked_for_them() -> None:
    probe = pure()
    cache = Cache(probe, shared=True)
    await cache.call({}, context("a"))
    await cache.end_session("a")
    await cache.call({}, context("b"))
    assert (probe.count, probe.ended) == (1, ["a"])


async def test_failures_are_not_kept() -> None:
    probe = pure(after(1))
    cache = Cache(probe)
    assert [(await cache.call({}, context())).status for _ in range(2)] == [Status.INFRA, Status.OK]


async def test_what_was_used_longest_ago_goes_first() -> None:
    probe = pure()
    cache = Cache(probe, most=2)
    for value in (1, 2, 1, 3, 1, 2):
        await cache.call({"a": value}, context())
    assert [arguments["a"] for arguments in probe.asked] == [1, 2, 3, 2]


async def test_answers_take_no_more_memory_than_allowed() -> None:
    probe = pure(lambda arguments: ok("x" * arguments["size"]))
    cache = Cache(probe, most_bytes=10_000)
    for size in (4000, 4001, 4002):
        await cache.call({"size": size}, context())
        assert cache.bytes <= 10_000
    await cache.call({"size": 4002}, context())
    assert probe.count == 3
    await cache.call({"size": 100_000}, context())
    assert cache.bytes <= 10_000


async def test_pictures_count_as_memory() -> None:
    probe = pure(lambda _: Result(Status.OK, "", (Image("image/png", bytes(20_000)),)))
    cache = Cache(probe, most_bytes=10_000)
    await cache.call({}, context())
    assert cache.bytes == 0


def test_only_a_pure_tool_can_be_cached() -> None:
    with pytest.raises(ConfigError, match="not pure"):
        Cache(read_only())
