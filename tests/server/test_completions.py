"""POST /v1/completions."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.core.engine import Abilities, EngineRequest
from flyball.core.errors import RequestError

from .scripted_model import NUMBERS
from .serving import COMPLETIONS, CONTEXT, Hold, Served, error_of, serving

TEXT = " and so on, and so on"
COUNT = "<|im_start|>user\ncount briefly<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


def complete(served: Served, prompt: Any = "one, two", **fields: Any) -> dict[str, Any]:
    response = served.post(COMPLETIONS, {"model": "pocket", "prompt": prompt, "max_tokens": 100, **fields})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def streamed(served: Served, prompt: Any = "one, two", **fields: Any) -> list[dict[str, Any]]:
    body = {"model": "pocket", "prompt": prompt, "max_tokens": 100, "stream": True, **fields}
    return served.events(COMPLETIONS, body)


def refused(served: Served, **fields: Any) -> dict[str, Any]:
    response = served.post(COMPLETIONS, {"model": "pocket", "prompt": "one", **fields})
    assert response.status_code == 400, response.text
    return error_of(response)


def test_a_plain_body_has_every_field_that_clients_read(served: Served) -> None:
    body = complete(served)

    assert body["id"].startswith("cmpl-")
    assert body["object"] == "text_completion"
    assert body["model"] == "pocket"
    assert body["created"] > 0
    (choice,) = body["choices"]
    assert choice == {"index": 0, "text": TEXT, "finish_reason": "stop", "logprobs": None, "stop_reason": None}
    usage = body["usage"]
    assert usage["prompt_tokens"] == len(served.service.format.encode("one, two"))
    assert usage["completion_tokens"] == len(served.service.format.encode(TEXT)) + 1
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_ids_and_text_are_the_same_prompt(served: Served) -> None:
    ids = served.service.format.encode("one, two")

    (call,) = served.calls_of(complete(served, ids))

    assert call.ids == ids


def test_several_prompts_give_n_choices_each_in_their_order(served: Served) -> None:
    body = complete(served, [COUNT, "one, two"], n=2, seed=7)

    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    assert [choice["text"] for choice in body["choices"]] == [NUMBERS, NUMBERS, TEXT, TEXT]
    assert [call.sampling.seed for call in served.calls_of(body)] == [7, 8, 7, 8]
    prompts = len(served.service.format.encode(COUNT)) + len(served.service.format.encode("one, two"))
    assert body["usage"]["prompt_tokens"] == prompts


def test_several_prompts_may_be_ids(served: Served) -> None:
    ids = served.service.format.encode("one, two")

    assert len(complete(served, [ids, ids])["choices"]) == 2


def test_sixteen_tokens_are_decoded_when_nothing_is_said(served: Served) -> None:
    body = served.post(COMPLETIONS, {"model": "pocket", "prompt": COUNT}).json()

    assert body["usage"]["completion_tokens"] == 16
    assert body["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("deltas", [(1,), (3,), (50,)])
@pytest.mark.parametrize("stream", [False, True])
def test_the_text_ends_before_a_stop_string_and_nothing_after_it_is_counted(
    deltas: tuple[int, ...], stream: bool
) -> None:
    with serving(deltas=deltas) as served:
        if stream:
            *events, last = streamed(served, COUNT, stop=[" four"], stream_options={"include_usage": True})
            text, usage = "".join(event["choices"][0]["text"] for event in events), last["usage"]
            choice = events[-1]["choices"][0]
        else:
            body = complete(served, COUNT, stop=" four")
            (choice,), usage = body["choices"], body["usage"]
            text = choice["text"]
        upto = len(served.service.format.encode("one two three four"))

    assert text == "one two three"
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", " four")
    assert usage["completion_tokens"] == upto


def test_a_stream_has_one_id_and_an_end_for_every_choice(served: Served) -> None:
    events = streamed(served, [COUNT, "one, two"])

    assert len({event["id"] for event in events}) == 1
    assert all(event["object"] == "text_completion" and "usage" not in event for event in events)
    texts = {0: "", 1: ""}
    reasons: dict[int, list[str]] = {0: [], 1: []}
    for event in events:
        (choice,) = event["choices"]
        texts[choice["index"]] += choice["text"]
        if choice["finish_reason"]:
            reasons[choice["index"]].append(choice["finish_reason"])
    assert texts == {0: NUMBERS, 1: TEXT}
    assert reasons == {0: ["stop"], 1: ["stop"]}
    order = [event["choices"][0]["index"] for event in events]
    assert order != sorted(order)


def test_usage_of_a_stream_comes_when_it_is_asked_for(served: Served) -> None:
    *events, last = streamed(served, stream_options={"include_usage": True})

    assert last["choices"] == []
    assert last["usage"] == complete(served)["usage"] | {
        "prompt_tokens_details": last["usage"]["prompt_tokens_details"]
    }
    assert not any("usage" in event for event in events)


def test_continuous_usage_counts_up_with_every_event(served: Served) -> None:
    events = streamed(served, stream_options={"continuous_usage_stats": True})

    counts = [event["usage"]["completion_tokens"] for event in events]
    assert counts == list(range(1, len(events) + 1))


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs_have_the_old_shape(served: Served, stream: bool) -> None:
    if stream:
        parts = [event["choices"][0]["logprobs"] for event in streamed(served, logprobs=2)]
        logprobs: dict[str, Any] = {name: [item for part in parts for item in part[name]] for name in parts[0]}
    else:
        logprobs = complete(served, logprobs=2)["choices"][0]["logprobs"]

    assert logprobs.keys() == {"tokens", "token_logprobs", "top_logprobs", "text_offset"}
    *tokens, eos = logprobs["tokens"]
    assert "".join(tokens) == TEXT
    assert eos == "<|im_end|>"
    assert all(value <= 0 for value in logprobs["token_logprobs"])
    assert all(len(top) == 2 for top in logprobs["top_logprobs"])
    assert [TEXT.startswith(token, at) for token, at in zip(tokens, logprobs["text_offset"], strict=False)] == [
        True
    ] * len(tokens)


def test_token_ids_come_when_they_are_asked_for(served: Served) -> None:
    (choice,) = complete(served, return_token_ids=True)["choices"]

    assert choice["token_ids"] == served.service.format.encode(TEXT + "<|im_end|>")


def test_parameters_reach_the_engine(served: Served) -> None:
    (call,) = served.calls_of(complete(served, temperature=0.5, logit_bias={"3": 1}, min_tokens=2, logprobs=0))

    sampling = call.sampling
    assert (sampling.temperature, sampling.logit_bias, sampling.min_tokens) == (0.5, {3: 1.0}, 2)
    assert (sampling.logprobs, sampling.max_tokens) == (0, 100)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"echo": True}, "echo"),
        ({"suffix": "end"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"flyball": {"controllers": [{"name": "hint_infer"}]}}, "flyball"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": ["one", ""]}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": {"text": "one"}}, "prompt"),
        ({"prompt": [1, "one"]}, "prompt.1"),
        ({"prompt": [-1]}, "prompt.0"),
        ({"prompt": ["one"] * 65}, "prompt"),
        ({"n": 65}, "n"),
        ({"n": 10**9}, "n"),
        ({"n": 40, "prompt": ["one", "two"]}, "n"),
        ({"logprobs": 21}, "logprobs"),
        ({"min_tokens": 9, "max_tokens": 8}, "min_tokens"),
        ({"structured_outputs": {"json": {}}}, "structured_outputs"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_served_is_refused_by_name(
    served: Served, fields: dict[str, Any], param: str, stream: bool
) -> None:
    if not (stream and "stream_options" in fields):
        assert refused(served, stream=stream, **fields)["param"] == param


@pytest.mark.parametrize(
    ("abilities", "fields", "param"),
    [
        (Abilities(context_length=CONTEXT, logit_bias=False), {"logit_bias": {"1": 1}}, "logit_bias"),
        (Abilities(context_length=CONTEXT, max_logprobs=1), {"logprobs": 2}, "logprobs"),
    ],
)
def test_what_the_engine_cannot_do_is_refused_by_name(abilities: Abilities, fields: dict[str, Any], param: str) -> None:
    with serving(abilities=abilities) as served:
        assert refused(served, **fields)["param"] == param


def test_a_harmless_best_of_and_an_empty_block_are_taken(served: Served) -> None:
    assert complete(served, best_of=1, flyball={}, echo=False, suffix=None)["choices"][0]["text"] == TEXT


def test_a_prompt_beyond_the_context_has_a_code_of_its_own(served: Served) -> None:
    error = refused(served, prompt=["one", "word " * 3000])

    assert error["code"] == "context_length_exceeded"


def test_the_context_bounds_what_is_decoded(served: Served) -> None:
    body = complete(served, list(range(1, CONTEXT - 3)), max_tokens=100)

    assert body["usage"]["total_tokens"] == CONTEXT
    assert body["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_a_dead_engine_is_a_503(stream: bool) -> None:
    hold = Hold()
    with serving(hold=hold) as served:
        served.call(served.engine.die)
        response = served.post(COMPLETIONS, {"model": "pocket", "prompt": "one", "stream": stream})

    assert response.status_code == 503
    assert response.headers["retry-after"]
    error_of(response)


class RefusesIds(Hold):
    """Stands for an engine that has no such token."""

    def __call__(self, request: EngineRequest, number: int) -> None:
        raise RequestError("the engine refuses the request: token id 70000 is out of vocabulary")


def test_a_prompt_of_ids_that_the_engine_does_not_have_is_refused_by_name() -> None:
    with serving(hold=RefusesIds()) as served:
        response = served.post(COMPLETIONS, {"model": "pocket", "prompt": [70000]})

    assert (response.status_code, error_of(response)["param"]) == (400, "prompt")
