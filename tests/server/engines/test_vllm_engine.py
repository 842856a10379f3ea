"""The vllm engine, and whole episodes on it: real vLLM with the packaged model, in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from flyball.controllers.controller import Setting
from flyball.controllers.episode import Ended, Episode, EpisodeSpec
from flyball.controllers.formats.registry import load_format
from flyball.controllers.limits import Limits
from flyball.controllers.registry import build_controllers, build_strategy
from flyball.core.chat_format import ChatFormat
from flyball.core.engine import Delta, EngineRequest, Grammar, Sampling
from flyball.core.errors import EngineDead, RequestError
from flyball.core.events import Decided, Origin
from flyball.core.trajectory import replay
from flyball.data import REASONER
from flyball.server.app import make_engine
from flyball.server.config import load_config
from flyball.server.engines.vllm import VllmEngine

pytestmark = pytest.mark.vllm

MODEL = str(REASONER)
QUESTION = "Start with 7, then add 5, then multiply by 3, and keep only the last digit each time. What do you get?"


@pytest.fixture(scope="session")
def chat_format() -> ChatFormat:
    return load_format("auto", MODEL)


@pytest.fixture(scope="module")
async def engine(chat_format: ChatFormat) -> AsyncIterator[VllmEngine]:
    config = load_config(None, {"engine": {"args": {"enforce_eager": True}}})
    made = make_engine(config, chat_format)
    assert isinstance(made, VllmEngine)
    await made.start()
    yield made
    await made.close()


async def deltas(engine: VllmEngine, request: EngineRequest) -> list[Delta]:
    async with asyncio.timeout(60), aclosing(engine.generate(request)) as stream:
        return [delta async for delta in stream]


def request(ids: list[int], id: str, **changes: Any) -> EngineRequest:
    outside = {name: changes.pop(name) for name in ("whole", "thinking_budget", "priority") if name in changes}
    return EngineRequest(
        request_id=id, ids=ids, sampling=Sampling(**{"max_tokens": 24, "temperature": 0.0} | changes), **outside
    )


def prompt(format: ChatFormat, end: str = "<think>\n") -> list[int]:
    return format.encode(f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n{end}")


async def run(
    engine: VllmEngine, format: ChatFormat, controllers: list[dict[str, Any]], **fields: Any
) -> tuple[Episode, str, str, Ended]:
    """One episode: itself, its thinking, its answer, its end."""
    messages = ({"role": "user", "content": QUESTION},)
    built = build_controllers(controllers, Setting(format, engine.abilities))
    sampling = Sampling(max_tokens=1, temperature=fields.pop("temperature", 0.0))
    spec = EpisodeSpec(id=f"t-{id(built)}", messages=messages, sampling=sampling, controllers=tuple(built), **fields)
    limits = Limits(max_tokens=1, context_length=engine.abilities.context_length, answer_room=64, close_tokens=3)
    episode = Episode(spec, engine, format, limits)
    episode.prepare()
    reasoning = content = ""
    end = None
    async with asyncio.timeout(60), aclosing(episode.pieces()) as pieces:
        async for _, piece, ended in pieces:
            reasoning, content, end = reasoning + piece.reasoning, content + piece.content, ended
    assert end is not None
    return episode, reasoning, content, end


async def test_greedy_calls_give_the_same_ids_streamed_and_whole(engine: VllmEngine, chat_format: ChatFormat) -> None:
    ids = prompt(chat_format)
    streamed = await deltas(engine, request(ids, "a"))
    whole = await deltas(engine, request(ids, "b", whole=True))
    assert len(whole) == 1
    assert [token for delta in streamed for token in delta.ids] == whole[0].ids
    assert streamed[-1].finish == whole[0].finish == "length"
    assert streamed[0].cached_tokens is not None


async def test_a_resumed_prefix_comes_from_the_cache(engine: VllmEngine, chat_format: ChatFormat) -> None:
    ids = chat_format.encode("Keep the last digit. " * 40) + prompt(chat_format)
    await deltas(engine, request(ids, "cold"))
    (first, *_) = await deltas(engine, request([*ids, *chat_format.encode("7 + 5")], "warm"))
    assert first.cached_tokens is not None
    assert first.cached_tokens >= len(ids) - 64


async def test_log_probabilities_come_for_the_sampled_and_the_likeliest(
    engine: VllmEngine, chat_format: ChatFormat
) -> None:
    (delta,) = await deltas(engine, request(prompt(chat_format), "lp", logprobs=3, max_tokens=4, whole=True))
    assert delta.logprobs is not None
    for token, logprob in zip(delta.ids, delta.logprobs, strict=True):
        assert logprob.logprob <= 0
        assert len(logprob.top) == 3
        assert logprob.top[0] == (token, logprob.logprob)


async def test_log_probabilities_of_chosen_ids_are_reported(engine: VllmEngine, chat_format: ChatFormat) -> None:
    wanted = (chat_format.encode("\n")[0], chat_format.encode("\n\n")[0])
    (delta,) = await deltas(engine, request(prompt(chat_format, "<think>"), "ids", logprob_ids=wanted, max_tokens=1))
    assert delta.logprobs is not None
    assert {token for token, _ in delta.logprobs[0].top} == set(wanted)


async def test_a_stop_id_ends_the_call_and_is_named(engine: VllmEngine, chat_format: ChatFormat) -> None:
    end = chat_format.think_end_id
    assert end is not None
    found = await deltas(engine, request(prompt(chat_format), "stop", stop_ids=(end,), max_tokens=600))
    assert found[-1].finish == "stop"
    assert found[-1].stop_id == end
    assert found[-1].ids[-1] == end


async def test_a_grammar_is_kept_to(engine: VllmEngine, chat_format: ChatFormat) -> None:
    (delta,) = await deltas(engine, request(prompt(chat_format), "g", grammar=Grammar(regex="(yes|no)"), whole=True))
    assert chat_format.decode([token for token in delta.ids if token not in chat_format.eos_ids]) in ("yes", "no")


async def test_closing_a_call_leaves_nothing_running(engine: VllmEngine, chat_format: ChatFormat) -> None:
    async with aclosing(
        engine.generate(request(prompt(chat_format), "gone", max_tokens=900, ignore_eos=True))
    ) as stream:
        await anext(stream)
        assert await engine.running() == 1
    assert await engine.running() == 0
    async with asyncio.timeout(5):
        while not await engine.idle():
            await asyncio.sleep(0)


async def test_parameters_that_vllm_refuses_are_a_request_error(engine: VllmEngine, chat_format: ChatFormat) -> None:
    with pytest.raises(RequestError):
        await deltas(engine, request(prompt(chat_format), "bad", logit_bias={10**6: 1.0}))
    assert await engine.running() == 0


async def test_seeded_prompts_in_one_burst_do_not_end_the_engine(engine: VllmEngine, chat_format: ChatFormat) -> None:
    ids = chat_format.encode("Keep the last digit. " * 30) + prompt(chat_format)
    calls = [request([*ids, n], f"burst-{n}", seed=n, temperature=1.0, max_tokens=4) for n in range(40)]
    answers = await asyncio.gather(*(deltas(engine, call) for call in calls))
    assert all(answer[-1].finish for answer in answers)


async def test_the_engines_own_budget_cuts_where_the_loop_does(engine: VllmEngine, chat_format: ChatFormat) -> None:
    think: dict[str, Any] = {"name": "adaptive_think", "mode": "think"}
    budget = {"name": "thinking_budget", "tokens": 9}
    native, own_thinking, own_answer, _ = await run(engine, chat_format, [think, budget])
    watched = {"name": "hint_infer", "rounds": 0}
    assert native.trials[0].trajectory.thinking == 9
    calls = [event for event in native.trials[0].trajectory.log if type(event).__name__ == "Called"]
    assert len(calls) == 1
    again, thinking, answer, _ = await run(engine, chat_format, [think, watched, budget])
    assert (thinking, answer) == (own_thinking, own_answer)
    forced = [run for run in native.trials[0].trajectory.runs if run.origin is Origin.INJECTED]
    assert len(forced) == 1
    assert again.trials[0].trajectory.tally().injected == 1


async def test_a_budget_with_a_phrase_is_cut_exactly(engine: VllmEngine, chat_format: ChatFormat) -> None:
    controllers: list[dict[str, Any]] = [
        {"name": "adaptive_think", "mode": "think"},
        {"name": "thinking_budget", "tokens": 7, "closing": "\n\nI have to answer now."},
    ]
    episode, reasoning, content, end = await run(engine, chat_format, controllers)
    trajectory = episode.trials[0].trajectory
    assert trajectory.thinking == 7
    assert reasoning.endswith("\n\nI have to answer now.\n")
    assert "\\boxed" in content
    assert end.reason == "stop"
    assert replay(trajectory.log).ids == trajectory.ids


async def test_hints_make_the_model_think_on(engine: VllmEngine, chat_format: ChatFormat) -> None:
    think: dict[str, Any] = {"name": "adaptive_think", "mode": "think"}
    _, plain, _, _ = await run(engine, chat_format, [think])
    hint: dict[str, Any] = {"name": "hint_infer", "rounds": 2, "hints": ["Wait, let me check this once more."]}
    episode, hinted, content, _ = await run(engine, chat_format, [think, hint])
    assert hinted.count("Wait, let me check this once more.") >= 2
    assert len(hinted) > len(plain)
    assert "\\boxed" in content
    assert episode.trials[0].trajectory.tally().injected > 0


async def test_auto_mode_records_the_probability_of_the_first_token(
    engine: VllmEngine, chat_format: ChatFormat
) -> None:
    episode, *_ = await run(engine, chat_format, [{"name": "adaptive_think", "mode": "auto"}])
    (decision,) = [event.decision for event in episode.trials[0].trajectory.log if isinstance(event, Decided)]
    assert decision.probability is not None
    assert 0 < decision.probability <= 1
    assert decision.chosen in (("think",), ("no_think",))


async def test_no_think_answers_at_once(engine: VllmEngine, chat_format: ChatFormat) -> None:
    episode, reasoning, content, _ = await run(engine, chat_format, [{"name": "adaptive_think", "mode": "no_think"}])
    assert reasoning == ""
    assert "\\boxed" in content
    assert episode.trials[0].trajectory.thinking == 0


async def test_self_consistency_votes_and_leaves_nothing_running(engine: VllmEngine, chat_format: ChatFormat) -> None:
    strategy = build_strategy({"name": "self_consistency", "n": 6}, Setting(chat_format, engine.abilities))
    episode, _, content, _ = await run(engine, chat_format, [], strategy=strategy, temperature=0.8, seed=3)
    assert "\\boxed" in content
    assert len(episode.trials) <= 6
    assert await engine.running() == 0


async def test_the_same_seed_gives_the_same_answer(engine: VllmEngine, chat_format: ChatFormat) -> None:
    first = await run(engine, chat_format, [], temperature=1.0, seed=11)
    second = await run(engine, chat_format, [], temperature=1.0, seed=11)
    assert first[1:3] == second[1:3]


async def test_an_engine_that_was_not_started_says_so() -> None:
    engine = VllmEngine(MODEL)
    assert not engine.alive
    with pytest.raises(EngineDead):
        await deltas(engine, request([1], "x"))
