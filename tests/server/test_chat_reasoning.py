"""Thinking on the wire: which fields carry it, which are read, how it is switched off."""

from __future__ import annotations

from typing import Any

import pytest

from .scripted_model import ANSWER, THINKING
from .serving import Served, folded, serving


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fields", [("reasoning", "reasoning_content"), ("reasoning",), ("reasoning_content",), ()])
def test_thinking_is_sent_in_the_fields_that_the_configuration_names(fields: tuple[str, ...], stream: bool) -> None:
    with serving(server={"reasoning_fields": fields}) as served:
        choice = folded(served.stream())[0] if stream else served.chat()["choices"][0]

    message = choice["message"]
    assert {name for name in ("reasoning", "reasoning_content") if name in message} == set(fields)
    assert all(message[name].strip() == THINKING for name in fields)
    assert message["content"] == ANSWER


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_earlier_thinking_is_read_from_either_field(served: Served, field: str) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    history: list[dict[str, Any]] = [
        {"role": "user", "content": "weather"},
        {"role": "assistant", "content": None, field: "an earlier thought", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
    ]

    (engine_call,) = served.calls_of(served.chat(messages=history))

    assert "<think>\nan earlier thought\n</think>" in served.service.format.decode(engine_call.ids)


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_effort": "none"},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"flyball": {"controllers": [{"name": "adaptive_think", "mode": "no_think"}]}},
    ],
)
def test_thinking_can_be_switched_off_in_every_usual_way(served: Served, fields: dict[str, Any]) -> None:
    body = served.chat(**fields)

    (call,) = served.calls_of(body)
    assert served.service.format.decode(call.ids).endswith("<think>\n\n</think>\n\n")
    assert "reasoning" not in body["choices"][0]["message"]
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high", "xhigh", "max"])
def test_every_level_of_effort_is_taken(served: Served, effort: str) -> None:
    assert served.chat(reasoning_effort=effort)["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "fields",
    [{"thinking_token_budget": 4}, {"flyball": {"controllers": [{"name": "thinking_budget", "tokens": 4}]}}],
)
def test_a_thinking_budget_is_kept_exactly(served: Served, fields: dict[str, Any]) -> None:
    body = served.chat(**fields)

    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 4
    assert body["choices"][0]["message"]["content"] == ANSWER


def test_an_argument_of_the_template_that_the_server_needs_itself_is_refused(served: Served) -> None:
    error = served.error(chat_template_kwargs={"messages": []})

    assert error["param"] == "chat_template_kwargs"
