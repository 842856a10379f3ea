"""One auxiliary model for many requests."""

from __future__ import annotations

import asyncio

import pytest

from flyball.core.errors import EngineError
from flyball.server.auxiliary.bounded import BoundedModel

from ...controllers.auxiliaries import Auxiliary


async def ask(model: BoundedModel) -> str:
    return (await model.chat([{"role": "user", "content": "?"}], max_tokens=1)).text


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_so_many_run_at_once_so_many_wait_and_the_next_is_refused() -> None:
    inner = Auxiliary(lambda _: "yes")
    inner.free.clear()
    model = BoundedModel(inner, running=2, queue=1, seconds=10)
    asked = [asyncio.create_task(ask(model)) for _ in range(3)]
    await settled()
    assert (inner.running, model.asked) == (2, 3)
    with pytest.raises(EngineError, match="queue is full"):
        await ask(model)
    assert model.refused == 1

    inner.free.set()
    assert await asyncio.gather(*asked) == ["yes", "yes", "yes"]
    assert (inner.most, model.asked) == (2, 0)


async def test_a_question_that_takes_too_long_is_given_up_and_leaves_its_place() -> None:
    inner = Auxiliary(lambda _: "yes")
    inner.free.clear()
    model = BoundedModel(inner, running=1, queue=0, seconds=0.01)
    with pytest.raises(EngineError, match=r"within 0\.01 s"):
        await ask(model)
    inner.free.set()
    assert await ask(model) == "yes"


async def test_one_who_leaves_the_queue_makes_room() -> None:
    inner = Auxiliary(lambda _: "yes")
    inner.free.clear()
    model = BoundedModel(inner, running=1, queue=1, seconds=10)
    first, second = asyncio.create_task(ask(model)), asyncio.create_task(ask(model))
    await settled()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    third = asyncio.create_task(ask(model))
    await settled()
    inner.free.set()
    assert [await first, await third] == ["yes", "yes"]
