"""Engines that exchange text leave out the token that ends a turn; tools run all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from flyball.core.engine import Delta, EngineRequest
from flyball.core.events import Origin
from flyball.server.engines.scripted import ScriptedEngine

from .toolbox import add, call, offered, python, responses
from .worlds import EOS, PATIENCE, Run, Shown, ids, nothing_left, opened, parts, pocket, writes


class WithoutEnds(ScriptedEngine):
    """A scripted engine whose deltas hold no end of a turn."""

    async def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]:
        async with aclosing(super().generate(request)) as deltas:
            async for delta in deltas:
                delta.ids = [token for token in delta.ids if token not in pocket().eos_ids]
                yield delta


async def run(*texts: str, fenced: bool = False) -> Run:
    episode, _ = opened(writes(*texts), **offered(add, python, fenced=fenced))
    episode._engine = engine = WithoutEnds(writes(*texts), eos_ids=pocket().eos_ids)
    shown = Shown()
    async with asyncio.timeout(PATIENCE), aclosing(episode.pieces()) as pieces:
        async for _, piece, ended in pieces:
            shown.add(piece.reasoning, piece.content, piece.calls)
            shown.finish = ended.reason if ended is not None else None
    await nothing_left(engine)
    return Run(episode, engine, [shown])


async def test_the_end_is_written_before_the_results_of_a_call() -> None:
    written = call("add", a=7, b=5)

    result = await run(written + EOS, "It is 12." + EOS)

    assert result.kept() == written + EOS + responses("12") + "It is 12."
    assert parts(result.trajectory, origin=Origin.ENVIRONMENT) == responses("12")
    assert (result.shown.content, result.shown.finish) == ("It is 12.", "stop")


async def test_code_at_the_very_end_of_a_turn_is_run() -> None:
    fence = "<think>\na\n```python\nprint(6*7)\n```"

    result = await run(fence + EOS, "So.\n</think>\n\n42" + EOS, fenced=True)

    assert result.kept() == fence + "\n```output\n42\n```\nSo.\n</think>\n\n42"
    assert result.trajectory.sampled == len(ids(fence + "So.\n</think>\n\n42"))
