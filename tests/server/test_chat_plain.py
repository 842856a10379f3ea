"""POST /v1/chat/completions, the plain body: OpenAI's contract."""

from __future__ import annotations

import time

from .scripted_model import ANSWER, NUMBERS, THINKING
from .serving import CHAT, Served, asking


def test_a_plain_body_has_every_field_that_clients_read(served: Served) -> None:
    body = served.chat()

    assert body["id"].startswith("chatcmpl-")
    assert body["object"] == "chat.completion"
    assert abs(body["created"] - time.time()) < 60
    assert body["model"] == "pocket"
    (choice,) = body["choices"]
    assert choice["index"] == 0
    assert choice["finish_reason"] == "stop"
    assert choice["logprobs"] is None
    assert choice["message"] == {
        "role": "assistant",
        "content": ANSWER,
        "reasoning": THINKING + "\n",
        "reasoning_content": THINKING + "\n",
        "refusal": None,
    }


def test_two_responses_have_different_ids(served: Served) -> None:
    assert served.chat()["id"] != served.chat()["id"]


def test_usage_counts_the_prompt_and_every_sampled_token_and_the_thinking_among_them(served: Served) -> None:
    body = served.chat()

    usage, (call,) = body["usage"], served.calls_of(body)
    sampled = len(served.service.format.encode(f"<think>\n{THINKING}\n</think>\n\n{ANSWER}<|im_end|>"))
    thinking = len(served.service.format.encode(f"\n{THINKING}\n"))
    assert usage["prompt_tokens"] == len(call.ids)
    assert usage["completion_tokens"] == sampled
    assert usage["total_tokens"] == len(call.ids) + sampled
    assert usage["completion_tokens_details"] == {"reasoning_tokens": thinking}
    assert usage["prompt_tokens_details"].keys() == {"cached_tokens"}


def test_an_answer_that_meets_max_tokens_says_length(served: Served) -> None:
    body = served.chat("count briefly", max_tokens=10)

    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 10
    assert NUMBERS.startswith(body["choices"][0]["message"]["content"])


def test_the_response_says_how_it_was_governed(served: Served) -> None:
    body = served.chat(flyball={"controllers": [{"name": "thinking_budget", "tokens": 3}]})

    report = body["flyball"]
    assert report["trace_id"] == body["id"]
    assert [acted["controller"] for acted in report["acted"]] == ["thinking_budget"]
    assert report["tokens"]["thinking"] == 3
    assert report["ledger"]["tokens"]["spent"] == report["tokens"]["kept"] + report["tokens"]["dropped"]


def test_headers_name_the_trace_and_the_time_that_was_spent(served: Served) -> None:
    response = served.post(CHAT, asking("What is it?"))

    assert response.headers["x-flyball-trace"] == response.json()["id"]
    assert float(response.headers["x-flyball-ms"]) > 0


def test_a_request_without_edits_is_one_engine_call(served: Served) -> None:
    assert len(served.calls_of(served.chat())) == 1
