"""What tools keep for a trajectory is freed however it ends: with real Python sessions in a real sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

import pytest
import pytest_asyncio

from flyball.controllers.controller import Ruling
from flyball.controllers.episode import Episode
from flyball.controllers.strategies.self_consistency import SelfConsistency, SelfConsistencyParams
from flyball.core.engine import EngineRequest
from flyball.core.errors import ControllerError, EngineDead
from flyball.core.events import FinishReason, ToolAnswered
from flyball.server.engines.scripted import ScriptedEngine
from flyball.tools.python_tool import PythonTool
from flyball.tools.sandbox import Backend, Sandbox, SandboxConfig, open_sandbox
from flyball.tools.sandbox import Sessions as PythonSessions
from flyball.tools.sessions import Sessions

from .toolbox import add, call, offered
from .worlds import ANSWER_END, EOS, PATIENCE, call_number, choice_number, ids, opened, setting, table, ticks, writes

SET, ASK = call("python", code="x = 6"), call("ask_user", q="?")
READ = call("python", code="x * 7")
ENDLESS = call("python", code="while True: pass")


@pytest_asyncio.fixture(scope="module")
async def sandbox() -> AsyncIterator[Backend]:
    opened = await open_sandbox(SandboxConfig(preload=()))
    yield opened
    await opened.close()


class Kept:
    """Python sessions, those that trajectories use, and an episode that uses them."""

    def __init__(self, sandbox: Backend) -> None:
        self._sandbox, self.python = sandbox, PythonSessions(sandbox)
        self._tool = PythonTool(self.python, seconds=20)
        self.ended: list[str] = []
        self.of_trajectories = Sessions(self._end)

    async def _end(self, key: str) -> None:
        self.ended.append(key)
        await self._tool.end_session(key)

    def opened(self, script: Any, **options: Any) -> tuple[Episode, ScriptedEngine]:
        return opened(script, sessions=self.of_trajectories, **offered(self._tool, add, client=True), **options)

    async def decoded(self, script: Any, **options: Any) -> Episode:
        episode, _ = self.opened(script, **options)
        await read(episode)
        return episode

    async def check_freed(self, trajectories: int = 1) -> None:
        assert sorted(self.ended) == [f"trajectory.test-{number}" for number in range(trajectories)]
        assert (len(self.python), len(self.of_trajectories)) == (0, 0)
        async with asyncio.timeout(PATIENCE):  # a process that was killed in the middle of a cell takes a moment to end
            while isinstance(self._sandbox, Sandbox) and self._sandbox.live_sessions:
                await asyncio.sleep(0)


async def read(episode: Episode) -> None:
    async with asyncio.timeout(PATIENCE * 4), aclosing(episode.pieces()) as pieces:
        async for _ in pieces:
            pass


@pytest.fixture
def kept(sandbox: Backend) -> Kept:
    return Kept(sandbox)


def told(episode: Episode) -> list[str]:
    events = episode.trials[0].trajectory.tool_events
    return [event.text for event in events if isinstance(event, ToolAnswered)]


async def test_variables_live_from_call_to_call_and_no_longer_than_the_trajectory(kept: Kept) -> None:
    first = await kept.decoded(writes(SET + EOS, READ + EOS, "42" + EOS))
    await kept.check_freed()
    second = await kept.decoded(writes(READ + EOS, "?" + EOS))

    assert told(first) == ["[no output]", "42"]
    assert "NameError" in told(second)[0]
    assert len(kept.python) == 0


@pytest.mark.parametrize(
    ("after", "options", "by"),
    [
        ("so STOP", {"stops": ("STOP",)}, "stop"),
        ("on and on " * 50, {"max_tokens": 60}, "max_tokens"),
        (ENDLESS + EOS, {"budget": {"seconds": 1.0}}, "budget.seconds"),
        (SET + ASK + EOS, {}, "model"),
    ],
    ids=["a stop string", "max_tokens", "the budget while code runs", "a call of the client's"],
)
async def test_python_is_freed_where_the_trajectory_ends_by(
    kept: Kept, after: str, options: dict[str, Any], by: str
) -> None:
    episode = await kept.decoded(writes(SET + EOS, after), **options)

    finished = episode.trials[0].trajectory.finished
    assert finished is not None and finished.by == by
    await kept.check_freed()


async def test_python_is_freed_when_the_engine_dies(kept: Kept) -> None:
    engines: list[ScriptedEngine] = []

    def dies(request: EngineRequest) -> Iterable[int]:
        if call_number(request):
            assert len(kept.python) == 1
            engines[0].die()
        return ids(SET + EOS)

    episode, engine = kept.opened(dies)
    engines.append(engine)
    with pytest.raises(EngineDead):
        await read(episode)

    await kept.check_freed()


async def test_python_is_freed_when_a_controller_fails(kept: Kept) -> None:
    def fails(state: Any, boundary: Any, view: Any) -> Ruling[Any]:
        if view.trajectory.tool_events:
            raise ValueError("a defect")
        return Ruling(state)

    episode, _ = kept.opened(writes(SET + EOS, "so" + EOS), controllers=[table("bad", ANSWER_END, fails)])
    with pytest.raises(ControllerError):
        await read(episode)

    assert told(episode) == ["[no output]"]
    await kept.check_freed()


@pytest.mark.parametrize("code", [ENDLESS, SET], ids=["while code runs", "behind a result"])
async def test_python_is_freed_when_the_client_leaves(kept: Kept, code: str) -> None:
    script = writes(SET + EOS, code + EOS, " on" * 3000)
    episode, engine = kept.opened(script, events=True)
    called, last = asyncio.Event(), 4 if code == SET else 3

    async def read_on() -> None:
        told = 0
        async with aclosing(episode.pieces()) as pieces:
            async for _, piece, _ in pieces:
                told += len(piece.events)
                if told >= last:
                    called.set()

    reading = asyncio.create_task(read_on())
    await asyncio.wait_for(called.wait(), PATIENCE)
    await ticks(100)
    assert len(kept.python) == 1
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)

    finished = episode.trials[0].trajectory.finished
    assert finished is not None and finished.reason is FinishReason.CANCELLED
    assert await engine.running() == 0
    await kept.check_freed()


async def test_python_of_every_sample_is_freed_also_of_those_that_are_not_needed(kept: Kept) -> None:
    def votes(request: EngineRequest) -> Iterable[int]:
        if call_number(request) == 0:
            return ids(SET + EOS)
        return ids("\\boxed{1}" + EOS) if choice_number(request) < 2 else ids(" on") * 3000

    strategy = SelfConsistency(SelfConsistencyParams(n=3), setting())
    await kept.decoded(votes, strategy=strategy)

    await kept.check_freed(3)
