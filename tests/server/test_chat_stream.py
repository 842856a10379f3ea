"""POST /v1/chat/completions, the stream: OpenAI's contract."""

from __future__ import annotations

import pytest

from .scripted_model import ANSWER, EMOJI, THINKING
from .serving import CHAT, Served, asking, folded, parsed, serving


def test_every_chunk_repeats_one_id_and_the_same_head(served: Served) -> None:
    events = served.stream()

    heads = {(event["id"], event["object"], event["created"], event["model"]) for event in events}
    ((id, object, created, model),) = heads
    assert id.startswith("chatcmpl-")
    assert object == "chat.completion.chunk"
    assert created > 0
    assert model == "pocket"


def test_the_first_chunk_brings_the_role_and_only_the_first(served: Served) -> None:
    first, *others = served.stream()

    assert first["choices"] == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None, "logprobs": None}
    ]
    assert all("role" not in choice["delta"] for event in others for choice in event["choices"])


def test_the_last_chunk_has_an_empty_delta_and_the_only_finish_reason(served: Served) -> None:
    *events, last = served.stream()

    (choice,) = last["choices"]
    assert choice["delta"] == {}
    assert choice["finish_reason"] == "stop"
    assert all(choice["finish_reason"] is None for event in events for choice in event["choices"])


def test_the_stream_ends_with_done_and_forbids_caching_and_buffering(served: Served) -> None:
    response = served.post(CHAT, asking("What is it?", stream=True))

    assert response.text.endswith("data: [DONE]\n\n")
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["x-flyball-trace"] == parsed(response.text)[0]["id"]


def test_an_answer_comes_in_as_many_chunks_as_it_has_tokens(served: Served) -> None:
    events = served.stream("count")

    contents = [event["choices"][0]["delta"].get("content") for event in events]
    assert len([content for content in contents if content]) > 10


def test_thinking_comes_before_the_answer_and_never_in_one_chunk_with_it() -> None:
    with serving(deltas=(7,)) as served:
        events = served.stream()

    deltas = [event["choices"][0]["delta"] for event in events][1:-1]
    kinds = ["reasoning" if "reasoning" in delta else "content" for delta in deltas]
    assert kinds == sorted(kinds, reverse=True)
    assert not any({"reasoning", "content"} <= delta.keys() for delta in deltas)


def test_characters_of_several_bytes_are_never_torn(served: Served) -> None:
    events = served.stream("emoji")

    (choice,) = folded(events).values()
    assert choice["message"]["content"] == EMOJI
    assert "\ufffd" not in str(events)


def test_without_being_asked_no_chunk_has_usage(served: Served) -> None:
    events = served.stream()

    assert not any(event.get("usage") for event in events)
    assert all(event["choices"] for event in events)


def test_include_usage_adds_one_last_chunk_without_choices(served: Served) -> None:
    *events, last = served.stream(stream_options={"include_usage": True})

    assert last["choices"] == []
    usage = last["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] > 0
    assert all(event["choices"] for event in events)
    assert not any(event.get("usage") for event in events)


def test_include_usage_false_is_no_request_for_usage(served: Served) -> None:
    events = served.stream(stream_options={"include_usage": False})

    assert not any(event.get("usage") for event in events)


def test_continuous_usage_stats_count_up_with_every_chunk(served: Served) -> None:
    events = served.stream(stream_options={"include_usage": True, "continuous_usage_stats": True})

    counts = [event["usage"]["completion_tokens"] for event in events]
    assert counts == sorted(counts)
    assert counts[0] <= 4 < counts[-1]
    assert events[-1]["choices"] == []


def test_the_last_chunk_says_how_the_request_was_governed(served: Served) -> None:
    *events, last = served.stream()

    assert last["flyball"]["trace_id"] == last["id"]
    assert not any("flyball" in event for event in events)


@pytest.mark.parametrize("usage", [False, True])
def test_choices_of_a_stream_are_interleaved_and_each_has_its_own_end(served: Served, usage: bool) -> None:
    events = served.stream("count", n=3, stream_options={"include_usage": usage})

    order = [choice["index"] for event in events for choice in event["choices"]]
    assert set(order) == {0, 1, 2}
    assert order != sorted(order)
    choices = folded(events)
    assert {choice["finish_reason"] for choice in choices.values()} == {"stop"}
    assert all(choice["message"]["role"] == "assistant" for choice in choices.values())


def test_a_stop_string_across_tokens_never_reaches_the_client(served: Served) -> None:
    events = served.stream("count", stop=["our fi"])

    (choice,) = folded(events).values()
    assert choice["message"]["content"] == "one two three f"
    assert choice["finish_reason"] == "stop"
    assert choice["stop_reason"] == "our fi"


def test_parts_say_where_text_comes_from(served: Served) -> None:
    events = served.stream(flyball={"parts": True, "controllers": [{"name": "hint_infer", "hints": ["Wait."]}]})

    parts = [part for event in events if "flyball" in event for part in event["flyball"].get("parts", [])]
    by_origin = {
        origin: "".join(part["text"] for part in parts if part["origin"] == origin and not part["dropped"])
        for origin in ("sampled", "injected")
    }
    assert "Wait." in by_origin["injected"]
    assert by_origin["sampled"].endswith(ANSWER)
    assert THINKING in by_origin["sampled"]
