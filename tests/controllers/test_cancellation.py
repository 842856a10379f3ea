"""Rule 9: whoever leaves, at whatever moment, leaves nothing running."""

import asyncio
from typing import Any

import pytest

from flyball.controllers.boundary import TokenWatch
from flyball.controllers.controller import Pending
from flyball.controllers.edits import Inject
from flyball.controllers.registry import build_strategy
from flyball.core.chat_format import Thinking
from flyball.core.engine import EngineRequest
from flyball.core.errors import EngineDead
from flyball.core.events import Channel, FinishReason
from flyball.server.engines.scripted import Script

from .worlds import PATIENCE, Dice, edits_once, forever, judges, left, nothing_left, opened, setting, when


def judging() -> list[Any]:
    watch = TokenWatch(3, Channel.THINK)
    return [
        judges("never", watch, when(asyncio.Event(), 1e6), Inject(" X")),
        edits_once("edits", TokenWatch(5, Channel.THINK), Inject(" Y")),
    ]


OPTIONS: dict[str, dict[str, Any]] = {
    "one": {},
    "several": {"n": 3},
    "budget": {"controllers": [{"name": "thinking_budget", "tokens": 4}]},
    "seconds": {"budget": {"seconds": 1e6}},
    "stops": {"stops": ("three four",)},
}


@pytest.mark.parametrize("after", range(9))
@pytest.mark.parametrize("late_tokens", [0, 5])
@pytest.mark.parametrize("name", sorted(OPTIONS))
async def test_leaving_after_any_piece_leaves_nothing(name: str, late_tokens: int, after: int) -> None:
    episode, engine = opened(forever, late_tokens=late_tokens, thinking=Thinking.ON, max_tokens=30, **OPTIONS[name])
    pieces = episode.pieces()
    async with asyncio.timeout(PATIENCE):
        for _ in range(after):
            await anext(pieces)
        await pieces.aclose()
    await nothing_left(engine)
    for trial in episode.trials:
        assert trial.trajectory.finished is not None
        assert trial.trajectory.finished.reason is FinishReason.CANCELLED


@pytest.mark.parametrize("turns", [*range(30), 60, 120])
@pytest.mark.parametrize("name", ["judged", "several", "vote", "dice"])
async def test_cancelling_the_task_at_any_moment_leaves_nothing(name: str, turns: int) -> None:
    every: dict[str, dict[str, Any]] = {
        "judged": {"controllers": judging()},
        "several": {"n": 3, "controllers": judging()},
        "vote": {"strategy": build_strategy({"name": "self_consistency", "n": 3}, setting())},
        "dice": {"controllers": [{"name": "hint_infer"}, *judging()], "n": 2},
    }
    options = every[name]
    script: Script = Dice(3) if name == "dice" else forever
    episode, engine = opened(script, late_tokens=2, thinking=Thinking.ON, max_tokens=60, **options)
    await left(episode, turns)
    await nothing_left(engine)
    assert all(trial.trajectory.finished is not None for trial in episode.trials)


async def test_leaving_while_verdicts_are_awaited_at_the_end_ends_their_work() -> None:
    ended = asyncio.Event()

    async def work() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "judged"

    controllers = [judges("slow", TokenWatch(3, Channel.THINK), Pending(work, 1e6), Inject(" X"))]
    episode, engine = opened(forever, controllers=controllers, thinking=Thinking.ON, max_tokens=8)
    pieces = episode.pieces()
    waiting = asyncio.ensure_future(_all(pieces))
    for _ in range(60):
        await asyncio.sleep(0)
    assert await engine.running() == 0
    waiting.cancel()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(waiting, return_exceptions=True)
    assert ended.is_set()
    await nothing_left(engine)


async def _all(pieces: Any) -> None:
    async for _ in pieces:
        pass


async def test_one_choice_that_fails_ends_the_others() -> None:
    def script(request: EngineRequest) -> list[int]:
        return forever(request)

    episode, engine = opened(script, n=3, thinking=Thinking.OFF, max_tokens=50)
    with pytest.raises(EngineDead):
        async with asyncio.timeout(PATIENCE):
            async for _ in episode.pieces():
                engine.die()
    await nothing_left(engine)
    assert len(episode.trials) == 3


async def test_choices_come_interleaved_as_they_are_decoded() -> None:
    episode, engine = opened(forever, n=2, thinking=Thinking.OFF, max_tokens=6)
    async with asyncio.timeout(PATIENCE):
        order = [index async for index, piece, ended in episode.pieces() if piece and ended is None]
    assert order[:6] == [0, 1, 0, 1, 0, 1]
    await nothing_left(engine)


async def test_the_ledgers_of_choices_are_settled_whatever_their_end() -> None:
    episode, engine = opened(forever, n=2, thinking=Thinking.OFF, budget={"tokens": 100})
    pieces = episode.pieces()
    async with asyncio.timeout(PATIENCE):
        for _ in range(8):
            await anext(pieces)
        await pieces.aclose()
    spent = episode.ledger.spent("tokens")
    assert spent == sum(trial.ledger.spent("tokens") for trial in episode.trials) > 0
    assert episode.ledger.remaining("tokens") == 100 - spent
    await nothing_left(engine)
