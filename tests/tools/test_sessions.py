"""Sessions: whose they are, and that they end."""

from __future__ import annotations

import asyncio
import logging

import pytest

from flyball.core.errors import AdmissionError, RequestError
from flyball.tools.registry import Registry
from flyball.tools.sessions import ClientKeys, Sessions, trajectory_key

from .doubles import Probe, context


class World:
    """Sessions over one tool, with a clock that is moved by hand."""

    def __init__(self, idle_seconds: float = 600.0, most: int = 1000) -> None:
        self.now = 0.0
        self.tool = Probe()
        self.tools = Registry([self.tool])
        self.sessions = Sessions(self.tools.end_session, idle_seconds=idle_seconds, most=most, clock=lambda: self.now)

    async def used(self, *keys: str) -> None:
        for key in keys:
            async with self.sessions.use(key):
                await self.call(key)

    async def call(self, key: str) -> None:
        """A call that leaves state behind."""
        await self.tools["probe"].call({}, context(key))


# -- keys -------------------------------------------------------------------------------------------------------------


def test_a_client_finds_its_session_again() -> None:
    keys = ClientKeys()
    assert keys.key("sk-1", "main") == keys.key("sk-1", "main")


def test_no_two_owners_and_ids_share_a_key() -> None:
    keys = ClientKeys()
    owners = [None, "", "sk-1", "sk-1m", "key:", "key:sk-1"]
    ids = ["main", "ain", "trajectory.1", "m", "mmain", "\ud800"]
    made = {keys.key(owner, id) for owner in owners for id in ids}
    assert len(made) == len(owners) * len(ids)
    assert trajectory_key("1") not in made


def test_a_key_tells_neither_the_api_key_nor_the_id() -> None:
    """It may stand in a log; and without the process's secret nobody can try keys out against it."""
    key = ClientKeys().key("sk-secret", "my-session")
    assert "secret" not in key and "my-session" not in key
    assert ClientKeys().key("sk-secret", "my-session") != key


@pytest.mark.parametrize("session", ["", "x" * 257])
def test_an_id_of_no_reasonable_length_is_refused(session: str) -> None:
    with pytest.raises(RequestError) as raised:
        ClientKeys().key("sk-1", session)
    assert raised.value.param == "session"


# -- the end of a trajectory ------------------------------------------------------------------------------------------


async def test_a_trajectorys_state_is_freed_when_it_finishes() -> None:
    world = World()
    async with world.sessions.trajectory("t"):
        await world.call("t")
        assert "t" in world.sessions
        assert world.tool.ended == []
    assert (world.tool.ended, len(world.sessions)) == (["t"], 0)


async def test_a_trajectorys_state_is_freed_when_it_fails() -> None:
    world = World()
    with pytest.raises(RuntimeError):
        async with world.sessions.trajectory("t"):
            await world.call("t")
            raise RuntimeError
    assert world.tool.ended == ["t"]


async def test_a_trajectorys_state_is_freed_when_it_is_cancelled_even_twice() -> None:
    ending, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def end(key: str) -> None:
        ending.set()
        await go.wait()
        ended.set()

    sessions, inside = Sessions(end), asyncio.Event()

    async def trajectory() -> None:
        async with sessions.trajectory("t"):
            inside.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(trajectory())
    async with asyncio.timeout(5):
        await inside.wait()
        running.cancel()
        await ending.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not ended.is_set()
        go.set()
        await ended.wait()


async def test_a_client_can_end_its_session_and_learns_whether_there_was_one() -> None:
    world = World()
    await world.used("c")
    assert await world.sessions.end("c") is True
    assert await world.sessions.end("c") is False
    assert world.tool.ended == ["c"]


async def test_a_session_is_not_used_anew_before_it_has_ended() -> None:
    order, ending, go = [], asyncio.Event(), asyncio.Event()

    async def end(key: str) -> None:
        ending.set()
        await go.wait()
        order.append("ended")

    sessions = Sessions(end)
    async with sessions.use("c"):
        pass

    async def use() -> None:
        async with sessions.use("c"):
            order.append("used")

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        first = group.create_task(sessions.end("c"))
        await ending.wait()
        group.create_task(use())
        second = group.create_task(sessions.end("c"))
        await asyncio.sleep(0)
        go.set()
    assert order == ["ended", "used"]
    assert first.result() and second.result()


async def test_a_tool_that_cannot_free_a_session_does_not_keep_it(caplog: pytest.LogCaptureFixture) -> None:
    async def end(key: str) -> None:
        raise RuntimeError("stuck")

    sessions = Sessions(end)
    async with sessions.trajectory("t"):
        pass
    assert len(sessions) == 0
    assert caplog.records[0].levelno == logging.ERROR


# -- eviction ---------------------------------------------------------------------------------------------------------


async def test_idle_sessions_are_evicted() -> None:
    world = World(idle_seconds=10)
    await world.used("old")
    world.now = 6
    await world.used("new")
    world.now = 10
    assert await world.sessions.sweep() == 1
    assert (world.tool.ended, len(world.sessions)) == (["old"], 1)


async def test_a_session_in_use_is_not_idle_however_long_it_takes() -> None:
    world = World(idle_seconds=10)
    async with world.sessions.use("busy"):
        world.now = 1000
        assert await world.sessions.sweep() == 0
    world.now = 1009
    assert await world.sessions.sweep() == 0
    world.now = 1010
    assert await world.sessions.sweep() == 1


async def test_beyond_the_most_sessions_the_one_used_longest_ago_goes() -> None:
    world = World(most=2)
    await world.used("a", "b", "a", "c")
    assert "b" not in world.sessions
    await world.sessions.close()
    assert world.tool.ended[0] == "b"


async def test_when_all_sessions_are_in_use_there_is_no_room_for_another() -> None:
    world = World(most=1)
    async with world.sessions.use("a"):
        with pytest.raises(AdmissionError):
            await world.used("b")
        await world.used("a")
    await world.used("b")
    assert "b" in world.sessions


async def test_when_sessions_hold_too_much_memory_those_used_longest_ago_go() -> None:
    """They hold 600 bytes of 300: b and c go. a was used since, d is in use."""
    held = {"a": 100, "b": 100, "c": 250, "d": 150, "unknown": 0}
    world = World()
    sessions = Sessions(world.tools.end_session, memory=lambda: held, most_bytes=300)
    for key in ("a", "b", "c", "d"):
        async with sessions.use(key):
            await world.call(key)
    async with sessions.use("a"):
        pass
    async with sessions.use("d"):
        assert await sessions.sweep() == 2
    assert (sorted(world.tool.ended), "a" in sessions, "d" in sessions) == (["b", "c"], True, True)


async def test_sixty_four_conversations_at_once_leave_nothing_behind() -> None:
    """They finish, fail and are cancelled, each with its own state."""
    world, barrier, go, keys = World(), asyncio.Barrier(65), asyncio.Event(), set[str]()

    async def conversation(number: int) -> None:
        key = trajectory_key(str(number))
        async with world.sessions.trajectory(key):
            await world.call(key)
            keys.add(key)
            await barrier.wait()
            await go.wait()
            if number % 3 == 1:
                raise RuntimeError
            if number % 3 == 2:
                await asyncio.Event().wait()

    running = [asyncio.create_task(conversation(number)) for number in range(64)]
    async with asyncio.timeout(5):
        await barrier.wait()
        assert len(world.sessions) == 64
        go.set()
        await asyncio.wait(running[0::3] + running[1::3])
        for task in running[2::3]:
            task.cancel()
        await asyncio.wait(running)
    outcomes = [task.cancelled() or task.exception() is not None for task in running]
    assert outcomes == [number % 3 != 0 for number in range(64)]
    assert sorted(world.tool.ended) == sorted(keys)
    assert len(world.sessions) == 0


async def test_sweeping_goes_on() -> None:
    world, sweeps = World(idle_seconds=10), asyncio.Semaphore(0)

    async def tick(seconds: float) -> None:
        world.now += seconds
        sweeps.release()
        await asyncio.sleep(0)

    await world.used("a")
    sweeping = asyncio.create_task(world.sessions.keep_swept(5, sleep=tick))
    async with asyncio.timeout(5):
        for _ in range(4):
            await sweeps.acquire()
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    assert world.tool.ended == ["a"]


async def test_closing_ends_every_session() -> None:
    world = World()
    await world.used("a")
    async with world.sessions.use("b"):
        await world.call("b")
        await world.sessions.close()
    assert (sorted(world.tool.ended), len(world.sessions)) == (["a", "b"], 0)
