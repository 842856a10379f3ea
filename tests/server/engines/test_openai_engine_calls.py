"""Calls of the `openai` engine against a scripted server: what is sent, and what comes back as deltas."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flyball.core.engine import EngineRequest, Grammar, Sampling, ThinkingBudget, TokenLogprob
from flyball.core.errors import RequestError

from .fake_upstream import DONE, Answer, FakeUpstream, Hold, encode, event, tokens
from .remote_calls import deltas, engine_on, ids, request


async def test_ids_go_in_and_come_out_unchanged() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        found = await deltas(engine, request())
        assert engine.abilities.exact_ids and not engine.abilities.losses
        assert ids(found) == encode("answer")
        assert [delta.finish for delta in found if delta.finish] == ["stop"] and found[-1].finish == "stop"
        assert fake.calls[0].body["prompt"] == encode("prompt")
        assert fake.calls[0].headers["x-request-id"] == "call-1"


async def test_cached_tokens_are_reported_with_the_finish_although_usage_comes_after_it() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        found = await deltas(engine, request())
        assert found[-1].cached_tokens == 3
        assert fake.calls[0].body["stream_options"] == {"include_usage": True}


async def test_every_sampling_field_reaches_the_server() -> None:
    fields: dict[str, Any] = {"min_tokens": 2, "temperature": 0.5, "top_p": 0.9, "top_k": 7, "min_p": 0.1, "seed": 11}
    fields |= {"presence_penalty": 0.2, "frequency_penalty": 0.3, "repetition_penalty": 1.1, "ignore_eos": True}
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        await deltas(engine, request(**fields, logit_bias={5: -1.5}, stop_ids=(6, 7)))
        sent = fake.calls[0].body
        assert {name: sent[name] for name in fields} == fields
        assert sent["logit_bias"] == {"5": -1.5} and sent["stop_token_ids"] == [6, 7] and sent["max_tokens"] == 50


async def test_fields_left_at_their_defaults_are_left_to_the_server() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        await deltas(engine, request())
        always = {"model", "prompt", "stream", "stream_options", "return_token_ids", "max_tokens"}
        assert set(fake.calls[0].body) == always


async def test_an_adapter_is_the_model_that_the_server_is_asked_for() -> None:
    async with FakeUpstream() as fake:
        fake.cards.append({"id": "tuned", "parent": "m", "max_model_len": 1000})
        async with engine_on(fake) as engine:
            await deltas(engine, request(adapter="tuned"))
            await deltas(engine, request())
            assert engine.abilities.adapters == ("tuned",)
            assert [call.body["model"] for call in fake.calls] == ["tuned", "m"]


async def test_priority_is_sent_only_when_the_servers_schedule_by_it() -> None:
    async with FakeUpstream() as fake:
        async with engine_on(fake) as engine:
            await deltas(engine, request(priority=-1))
            assert not engine.abilities.priority
        async with engine_on(fake, priority=True) as engine:
            await deltas(engine, request(priority=-1))
            assert engine.abilities.priority
        assert "priority" not in fake.calls[0].body and fake.calls[1].body["priority"] == -1


@pytest.mark.parametrize(
    ("grammar", "vllm", "sglang"),
    [
        (Grammar(regex="a|b"), {"structured_outputs": {"regex": "a|b"}}, {"regex": "a|b"}),
        (Grammar(json_schema={"type": "array"}), {"structured_outputs": {"json": {"type": "array"}}}, {"json_schema": '{"type":"array"}'}),
        (Grammar(json_object=True), {"structured_outputs": {"json_object": True}}, {"json_schema": '{"type":"object"}'}),
    ],
)  # fmt: skip
async def test_a_grammar_is_written_as_the_server_wants_it(
    grammar: Grammar, vllm: dict[str, Any], sglang: dict[str, Any]
) -> None:
    for server, expected in ((FakeUpstream("vllm"), vllm), (FakeUpstream("sglang"), sglang)):
        async with server as fake, engine_on(fake) as engine:
            await deltas(engine, request(grammar=grammar))
            sent = fake.calls[0].body
            assert {name: sent[name] for name in expected} == expected and engine.abilities.grammar


async def test_the_sampled_token_alone_has_its_logprob_when_none_else_is_asked_for() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        found = await deltas(engine, request(logprobs=0))
        assert [entry for delta in found for entry in delta.logprobs or []] == [TokenLogprob(-1.0)] * 6


async def test_the_likeliest_tokens_are_named_by_id_and_as_many_as_asked_for() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        found = await deltas(engine, request(logprobs=2))
        first = ord("a")
        assert found[0].logprobs is not None
        assert found[0].logprobs[0] == TokenLogprob(-1.0, ((first, -1.0), (first + 1, -2.0)))


async def test_chosen_tokens_are_reported_without_the_sampled_one() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        found = await deltas(engine, request(logprob_ids=(8, 9)))
        assert engine.abilities.logprob_ids
        assert found[0].logprobs is not None and found[0].logprobs[0].top == ((8, -2.0), (9, -3.0))


async def test_likeliest_and_chosen_tokens_in_one_call_are_refused() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        with pytest.raises(RequestError, match="one of the two") as caught:
            await deltas(engine, request(logprobs=2, logprob_ids=(8,)))
        assert caught.value.param == "logprobs" and not fake.calls


async def test_a_stop_id_is_reported_and_the_end_of_sequence_is_not() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.script.append(Answer(steps=[tokens([1, 7], "stop", stop_reason=7), DONE]))
        fake.script.append(Answer(steps=[tokens([1, 2], "stop", stop_reason=2), DONE]))
        fake.script.append(Answer(steps=[tokens([1, 2], "stop", matched_stop=7), DONE]))
        stops = [(await deltas(engine, request(stop_ids=(7,))))[-1].stop_id for _ in range(3)]
        assert stops == [7, None, 7]


async def test_events_split_at_any_byte_give_the_same_tokens() -> None:
    stream = tokens([1]) + b": keep-alive\n\n" + tokens([2, 3]) + tokens([4], "length") + DONE
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        for cut in range(1, len(stream), 37):
            fake.script.append(Answer(steps=[stream[:cut], stream[cut:]]))
            found = await deltas(engine, request())
            assert ids(found) == [1, 2, 3, 4] and found[-1].finish == "length"


async def test_tokens_that_arrive_together_are_one_delta() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.script.append(Answer(steps=[tokens([1]) + tokens([2]) + tokens([3]), tokens([4], "stop"), DONE]))
        assert ids((await deltas(engine, request()))[:1])[:3] == [1, 2, 3]


async def test_the_weight_version_is_passed_on_when_reported() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.script.append(
            Answer(steps=[event({"choices": [], "metadata": {"weight_version": "step7"}}), tokens([1], "stop"), DONE])
        )
        assert (await deltas(engine, request()))[-1].weight_version == "step7"


async def test_connections_are_used_again() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        before = fake.connections
        for _ in range(5):
            await deltas(engine, request())
        assert fake.connections == before == 1


async def test_closing_the_generator_closes_the_connection_at_once() -> None:
    hold = Hold()
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.script.append(Answer(steps=[tokens([1]), hold]))
        stream = engine.generate(request())
        async with asyncio.timeout(5):
            assert (await anext(stream)).ids == [1]
            assert await engine.running() == 1
            await hold.reached.wait()
            await stream.aclose()
            await fake.calls[0].gone.wait()
        assert await engine.running() == 0 and engine.alive


async def test_cancelling_the_caller_closes_the_connection() -> None:
    hold = Hold()
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.script.append(Answer(before=hold))
        task = asyncio.create_task(deltas(engine, request()))
        async with asyncio.timeout(5):
            await hold.reached.wait()
            task.cancel()
            await fake.calls[0].gone.wait()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await engine.running() == 0


async def test_a_server_of_text_gets_the_prompt_as_text_and_its_answer_is_tokenised_again() -> None:
    async with FakeUpstream(kind="text") as fake, engine_on(fake) as engine:
        found = await deltas(engine, request())
        sent = fake.calls[0].body
        assert sent["prompt"] == "prompt" and sent["skip_special_tokens"] is False
        assert sent["add_special_tokens"] is False and "return_token_ids" not in sent
        assert ids(found) == encode("answer") and found[-1].finish == "stop"
        assert not engine.abilities.exact_ids and len(engine.abilities.losses) == 2
        assert not engine.abilities.grammar and not engine.abilities.logprob_ids


@pytest.mark.parametrize(
    ("wanted", "param"),
    [({"logprobs": 0}, "logprobs"), ({"logprob_ids": (1,)}, "logprobs"), ({"grammar": Grammar(regex="a")}, "response_format")],
)  # fmt: skip
async def test_what_a_server_of_text_cannot_do_is_refused_and_not_dropped(wanted: dict[str, Any], param: str) -> None:
    async with FakeUpstream(kind="text") as fake, engine_on(fake) as engine:
        with pytest.raises(RequestError) as caught:
            await deltas(engine, request(**wanted))
        assert caught.value.param == param and not fake.calls


async def test_a_stop_id_of_a_server_of_text_is_added_to_the_ids() -> None:
    async with FakeUpstream(kind="text") as fake, engine_on(fake) as engine:
        fake.script.append(
            Answer(steps=[event({"choices": [{"text": "ab", "finish_reason": "stop", "stop_reason": 7}]}), DONE])
        )
        assert ids(await deltas(engine, request(stop_ids=(7,)))) == [97, 98, 7]


async def test_a_server_that_returns_ids_but_names_no_tokens_has_sampled_logprobs_only() -> None:
    async with FakeUpstream(kind="sglang") as fake, engine_on(fake) as engine:
        assert engine.abilities.exact_ids and engine.abilities.max_logprobs == 0
        assert not engine.abilities.logprob_ids
        found = await deltas(engine, request(logprobs=0))
        assert found[0].logprobs is not None and found[0].logprobs[0] == TokenLogprob(-1.0)
        with pytest.raises(RequestError, match="sampled token only"):
            await deltas(engine, request(logprobs=3))


async def test_abilities_are_what_all_servers_can_do() -> None:
    async with (
        FakeUpstream(context_length=900) as exact,
        FakeUpstream(kind="text") as text,
        engine_on(exact, text) as engine,
    ):
        assert engine.abilities.context_length == 900
        assert not engine.abilities.exact_ids and not engine.abilities.grammar


async def test_the_configured_context_length_wins() -> None:
    async with FakeUpstream(context_length=None) as fake, engine_on(fake, context_length=77) as engine:
        assert engine.abilities.context_length == 77


async def test_a_thinking_budget_of_the_engine_itself_is_a_callers_mistake() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        call = EngineRequest(
            request_id="r", ids=[1], sampling=Sampling(max_tokens=1), thinking_budget=ThinkingBudget(1, (2,))
        )
        with pytest.raises(ValueError, match="thinking budget"):
            await deltas(engine, call)
