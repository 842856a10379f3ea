"""The streamed and the plain body of the same request are the same, whatever governs it and however the tokens arrive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .serving import Served, folded, serving, tool

PRESETS: dict[str, Any] = {
    "none": {},
    "think": {"controllers": [{"name": "adaptive_think", "mode": "think"}]},
    "no_think": {"controllers": [{"name": "adaptive_think", "mode": "no_think"}]},
    "auto": {"controllers": [{"name": "adaptive_think", "mode": "auto"}]},
    "budget": {"controllers": [{"name": "thinking_budget", "tokens": 5, "closing": "Enough."}]},
    "hints": {"controllers": [{"name": "hint_infer", "rounds": 2, "hints": ["Wait, let me check."]}]},
    "all": {
        "controllers": [
            {"name": "adaptive_think", "mode": "auto"},
            {"name": "hint_infer", "hints": ["Hmm."]},
            {"name": "thinking_budget", "tokens": 8},
        ]
    },
    "vote": {"strategy": {"name": "self_consistency", "n": 3}},
    "limited": {"budget": {"tokens": 12}},
}
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "an answer": ("What is it?", {}),
    "no thinking": ("briefly", {}),
    "several bytes": ("emoji", {}),
    "logprobs": ("emoji", {"logprobs": True, "top_logprobs": 2}),
    "a stop string": ("count", {"stop": ["our fi", " x"]}),
    "max_tokens": ("count", {"max_tokens": 25}),
    "a call": ("weather", {"tools": [tool()]}),
    "two calls": ("both", {"tools": [tool(), tool("get_time")]}),
    "one call of two": ("both", {"tools": [tool(), tool("get_time")], "parallel_tool_calls": False}),
    "a forced call": ("What is it?", {"tools": [tool()], "tool_choice": "required"}),
    "json": ("What is it?", {"response_format": {"type": "json_object"}}),
    "three choices": ("count", {"n": 3}),
}


@pytest.fixture(scope="module", params=[(1,), (2, 5), (1000,)], ids=["token by token", "in pieces", "at once"])
def governed(request: pytest.FixtureRequest) -> Iterator[Served]:
    with serving(presets=PRESETS, deltas=request.param) as served:
        yield served


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", REQUESTS)
def test_a_stream_adds_up_to_the_plain_body(governed: Served, kind: str, preset: str) -> None:
    question, fields = REQUESTS[kind]
    if "n" in fields and preset == "vote":
        fields = {}
    named = {"model": f"pocket:{preset}", "seed": 5, **fields}

    plain = governed.chat(question, **named)
    *events, last = governed.stream(question, stream_options={"include_usage": True}, **named)

    choices = list(folded(sorted_by_choice(events)).values())
    assert [comparable(choice) for choice in choices] == [comparable(choice) for choice in plain["choices"]]
    assert last["usage"] | {"prompt_tokens_details": None} == plain["usage"] | {"prompt_tokens_details": None}
    assert last["flyball"]["tokens"] == plain["flyball"]["tokens"]
    assert last["flyball"]["acted"] == plain["flyball"]["acted"]


def sorted_by_choice(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(events, key=lambda event: int(event["choices"][0]["index"]))


def comparable(choice: dict[str, Any]) -> dict[str, Any]:
    """A choice without what must differ (ids of calls), and with what one form may leave out."""
    message = {"reasoning": "", "reasoning_content": "", "tool_calls": [], "refusal": None, **choice["message"]}
    message["content"] = message["content"] or ""
    message["tool_calls"] = [call["function"] for call in message["tool_calls"]]
    logprobs = choice["logprobs"] or {"content": []}
    return {"stop_reason": None, **choice, "message": message, "logprobs": logprobs}
