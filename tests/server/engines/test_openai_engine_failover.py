"""The `openai` engine over several servers: who gets a call, who steps in, and how a failed one comes back."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from flyball.core.engine import EngineRequest, Sampling
from flyball.core.errors import RequestError, UpstreamError, UpstreamUnreachable
from flyball.server.engines.openai import OpenAIEngine

from .fake_upstream import Answer, CutOff, FakeUpstream, Hold, encode, tokens
from .remote_calls import deltas, engine_on, request


def call(text: str, affinity: str | None = None) -> EngineRequest:
    return EngineRequest(request_id="r", ids=encode(text), sampling=Sampling(max_tokens=5), affinity=affinity)


async def favourite(engine: OpenAIEngine, *fakes: FakeUpstream) -> tuple[FakeUpstream, FakeUpstream]:
    """The server that `request()` goes to, and another."""
    await deltas(engine, request())
    chosen = next(fake for fake in fakes if fake.calls)
    chosen.calls.clear()
    return chosen, next(fake for fake in fakes if fake is not chosen)


async def test_calls_with_one_affinity_go_to_one_server_and_many_affinities_to_all() -> None:
    async with FakeUpstream() as a, FakeUpstream() as b, FakeUpstream() as c, engine_on(a, b, c) as engine:
        for _ in range(6):
            await deltas(engine, call("prompt differs", affinity="conversation"))
        assert sorted(len(fake.calls) for fake in (a, b, c)) == [0, 0, 6]
        for i in range(40):
            await deltas(engine, call("prompt", affinity=str(i)))
        assert all(fake.calls for fake in (a, b, c))


async def test_without_an_affinity_the_beginning_of_the_prompt_decides() -> None:
    async with (
        FakeUpstream() as a,
        FakeUpstream() as b,
        FakeUpstream() as c,
        engine_on(a, b, c, affinity_tokens=8) as engine,
    ):
        for end in "uvwxyz":
            await deltas(engine, call("the same " + end))
        assert sorted(len(fake.calls) for fake in (a, b, c)) == [0, 0, 6]


async def test_a_server_with_far_more_to_do_is_passed_over() -> None:
    async with FakeUpstream() as a, FakeUpstream() as b, engine_on(a, b) as engine:
        holds = [Hold() for _ in range(8)]
        tasks = []
        async with asyncio.timeout(5):
            for hold in holds:
                a.always = b.always = Answer(before=hold, steps=[tokens([1], "stop")])
                tasks.append(asyncio.create_task(deltas(engine, call("p", affinity="one"))))
                await hold.reached.wait()
            assert sorted((len(a.calls), len(b.calls))) == [2, 6]
            for hold in holds:
                hold.until.set()
            await asyncio.gather(*tasks)


@pytest.mark.parametrize("failure", [Answer(500), Answer(drop=True), Answer(429), Answer(steps=[CutOff()])])
async def test_a_failure_before_the_first_token_moves_on_to_the_next_server(failure: Answer) -> None:
    async with FakeUpstream() as a, FakeUpstream() as b, engine_on(a, b) as engine:
        chosen, other = await favourite(engine, a, b)
        chosen.always = failure
        assert (await deltas(engine, request()))[-1].finish == "stop"
        assert chosen.calls and len(other.calls) == 1


async def test_a_slow_first_token_moves_on_to_the_next_server() -> None:
    async with FakeUpstream() as a, FakeUpstream() as b, engine_on(a, b, first_token_timeout_s=0.3) as engine:
        chosen, other = await favourite(engine, a, b)
        chosen.always = Answer(before=Hold())
        assert (await deltas(engine, request()))[-1].finish == "stop"
        assert (len(chosen.calls), len(other.calls)) == (1, 1)


async def test_after_the_first_token_no_other_server_is_asked() -> None:
    hold = Hold()
    async with FakeUpstream() as a, FakeUpstream() as b, engine_on(a, b) as engine:
        chosen, other = await favourite(engine, a, b)
        chosen.always = Answer(steps=[tokens([1]), hold, CutOff()])
        stream = engine.generate(request())
        async with asyncio.timeout(5):
            await anext(stream)
            hold.until.set()
            with pytest.raises(UpstreamError):
                await anext(stream)
        assert (len(chosen.calls), len(other.calls)) == (1, 0)


async def test_a_request_that_is_wrong_is_not_carried_from_server_to_server() -> None:
    async with FakeUpstream() as a, FakeUpstream() as b, engine_on(a, b) as engine:
        a.always = b.always = Answer(400)
        with pytest.raises(RequestError):
            await deltas(engine, request())
        assert len(a.calls) + len(b.calls) == 1


async def test_when_all_servers_fail_each_is_tried_in_every_round() -> None:
    async with FakeUpstream() as a, FakeUpstream() as b, engine_on(a, b, retries=2, backoff_s=0.001) as engine:
        a.always = b.always = Answer(500)
        with pytest.raises(UpstreamError):
            await deltas(engine, request())
        assert (len(a.calls), len(b.calls)) == (3, 3)


async def test_a_full_server_beside_a_failing_one_tells_the_client_to_come_again() -> None:
    async with FakeUpstream() as a, FakeUpstream() as b, engine_on(a, b) as engine:
        a.always, b.always = Answer(429, headers={"Retry-After": "3"}), Answer(500)
        with pytest.raises(UpstreamError) as caught:
            await deltas(engine, request())
        assert caught.value.status == 429 and caught.value.retry_after == 3
        assert (len(a.calls), len(b.calls)) == (1, 1)


async def test_a_server_that_is_gone_is_put_aside_and_not_asked_again() -> None:
    async with FakeUpstream() as a, FakeUpstream() as b, engine_on(a, b, aside_s=60, aside_max_s=60) as engine:
        chosen, other = await favourite(engine, a, b)
        chosen.always = Answer(drop=True)
        for _ in range(5):
            await deltas(engine, request())
        assert engine.alive and len(other.calls) == 5
        assert len(chosen.calls) == 2  # one try, on an idle connection and on a new one


async def test_answers_of_500_put_a_server_aside_only_when_there_are_several_in_a_row() -> None:
    async with FakeUpstream() as a, FakeUpstream() as b, engine_on(a, b, aside_s=60, aside_max_s=60) as engine:
        chosen, other = await favourite(engine, a, b)
        chosen.always = Answer(500)
        for _ in range(8):
            await deltas(engine, request())
        assert len(chosen.calls) == 5 and len(other.calls) == 8


async def test_a_server_put_aside_is_probed_and_gets_its_calls_back() -> None:
    async with FakeUpstream() as a, FakeUpstream() as b, engine_on(a, b, aside_s=0.01) as engine:
        chosen, other = await favourite(engine, a, b)
        await chosen.shut()
        await deltas(engine, request())
        assert len(other.calls) == 1
        chosen.model_asked.clear()
        await chosen.listen(chosen.port)
        async with asyncio.timeout(10):
            await chosen.model_asked.wait()
            while not chosen.calls:
                await deltas(engine, request())


async def test_a_server_that_is_down_at_the_start_is_found_later() -> None:
    async with FakeUpstream() as up, FakeUpstream(kind="text") as down:
        port = down.port
        await down.shut()
        async with engine_on(up, down, aside_s=0.01) as engine:
            assert engine.alive and engine.abilities.exact_ids
            await down.listen(port)
            answers = Counter[int]()
            async with asyncio.timeout(10):
                while not down.calls:
                    found = await deltas(engine, call("p", affinity=str(answers.total())))
                    answers[len(found[-1].ids)] += 1
            assert not engine.abilities.exact_ids, "the abilities are those of all servers reached so far"


async def test_one_server_alone_is_asked_even_while_it_is_put_aside() -> None:
    async with FakeUpstream() as fake, engine_on(fake, retries=0, aside_s=60, aside_max_s=60) as engine:
        fake.script.append(Answer(steps=[CutOff()]))
        with pytest.raises(UpstreamError):
            await deltas(engine, request())
        assert not engine.alive
        assert (await deltas(engine, request()))[-1].finish == "stop"
        assert engine.alive, "a call that works restores the server"


async def test_an_engine_whose_every_server_is_gone_is_not_alive() -> None:
    async with (
        FakeUpstream() as a,
        FakeUpstream() as b,
        engine_on(a, b, retries=0, aside_s=60, aside_max_s=60) as engine,
    ):
        await a.shut()
        await b.shut()
        with pytest.raises(UpstreamUnreachable):
            await deltas(engine, request())
        assert not engine.alive and await engine.running() == 0
