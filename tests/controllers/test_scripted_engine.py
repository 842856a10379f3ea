"""The scripted engine, in itself: what the other tests stand on."""

import asyncio
from contextlib import aclosing

import pytest

from flyball.core.engine import Abilities, Delta, EngineRequest, Sampling
from flyball.core.errors import EngineDead
from flyball.server.engines.scripted import Script, ScriptedEngine, continuation

END = 99


def request(prompt: list[int], **sampling: object) -> EngineRequest:
    return EngineRequest(request_id="r-0", ids=prompt, sampling=Sampling(**{"max_tokens": 100, **sampling}))  # type: ignore[arg-type]


def engine(script: Script = lambda request: [1, 2, 3, 4, END, 5], **options: object) -> ScriptedEngine:
    return ScriptedEngine(script, eos_ids=[END], **options)  # type: ignore[arg-type]


async def deltas(engine: ScriptedEngine, request: EngineRequest) -> list[Delta]:
    async with asyncio.timeout(5), aclosing(engine.generate(request)) as stream:
        return [delta async for delta in stream]


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ((1,), [[1], [2], [3], [4], [END]]),
        ((2,), [[1, 2], [3, 4], [END]]),
        ((3, 1), [[1, 2, 3], [4], [END]]),
        ((100,), [[1, 2, 3, 4, END]]),
    ],
)
async def test_tokens_come_in_deltas_of_the_given_sizes_up_to_the_end(
    sizes: tuple[int, ...], batches: list[list[int]]
) -> None:
    got = await deltas(engine(deltas=sizes), request([7]))
    assert [delta.ids for delta in got] == batches
    assert [delta.finish for delta in got] == [None] * (len(batches) - 1) + ["stop"]


@pytest.mark.parametrize(
    ("sampling", "kept", "finish", "stop_id"),
    [
        ({"max_tokens": 3}, [1, 2, 3], "length", None),
        ({"stop_ids": (2,)}, [1, 2], "stop", 2),
        ({"ignore_eos": True}, [1, 2, 3, 4, END, 5], "length", None),
    ],
)
async def test_a_call_ends_for_the_reasons_that_it_was_given(
    sampling: dict[str, object], kept: list[int], finish: str, stop_id: int | None
) -> None:
    got = await deltas(engine(deltas=(10,)), request([7], **sampling))
    assert (got[-1].ids, got[-1].finish, got[-1].stop_id) == (kept, finish, stop_id)


async def test_a_script_that_says_nothing_ends_the_turn() -> None:
    (only,) = await deltas(engine(lambda request: []), request([7]))
    assert (only.ids, only.finish) == ([], "stop")


async def test_tokens_carry_the_log_probabilities_that_were_asked_for() -> None:
    model = engine(lambda request: [(1, -0.25), 2, END])
    assert all(delta.logprobs is None for delta in await deltas(model, request([7])))
    first, second, _ = await deltas(model, request([7], logprob_ids=(2, 5)))
    assert first.logprobs is not None and second.logprobs is not None
    assert (first.logprobs[0].logprob, dict(first.logprobs[0].top)) == (-0.25, {2: -1.5, 5: -1.5})
    assert dict(second.logprobs[0].top) == {2: -0.5, 5: -1.5}


async def test_a_call_that_is_closed_computes_late_tokens_before_it_is_gone() -> None:
    model = engine(late_tokens=3)
    async with asyncio.timeout(5):
        async with aclosing(model.generate(request([7]))) as stream:
            await anext(stream)
            assert await model.running() == 1
        assert await model.running() == 1
        await model.close()
    assert (await model.running(), model.late) == (0, 3)


async def test_an_engine_that_died_fails_every_call_until_it_is_started_again() -> None:
    model = engine()
    model.die()
    with pytest.raises(EngineDead):
        await deltas(model, request([7]))
    assert (model.alive, await model.running()) == (False, 0)
    await model.start()
    assert len(await deltas(model, request([7]))) == 5
    assert model.abilities == Abilities(context_length=4096)


async def test_a_continuation_goes_on_as_many_tokens_in_as_the_context_is_long() -> None:
    model = engine(continuation([1, 2, 3, END], prompt_tokens=2))
    assert [delta.ids for delta in await deltas(model, request([7, 8]))] == [[1], [2], [3], [END]]
    assert [delta.ids for delta in await deltas(model, request([7, 8, 1, 2]))] == [[3], [END]]
