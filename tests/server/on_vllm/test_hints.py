"""Hints in the middle of the thinking on real vLLM: the pocket model heeds them, and streaming shows the same."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.controllers.hinting import cap, prefill, tedious

from ..live import Server

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(400)]

PRESETS = ("words", "cort", "tedious")
PYTHON = {"tools": ["python"], "fenced": "only", "events": True}
BIG = {"messages": [{"role": "user", "content": "What is 4821 * 9377?"}], "max_tokens": 1500}
CHAIN = {"max_tokens": 1500}


def results(body: dict[str, Any]) -> list[tuple[str, str]]:
    events = body["flyball"]["events"]
    return [(event["status"], event["text"]) for event in events if event["type"] == "tool_result"]


def test_a_hint_behind_a_reflection_word_leads_to_code_and_to_its_result(server: Server) -> None:
    body = server.ask("pocket:words", flyball=PYTHON, **CHAIN)

    message = body["choices"][0]["message"]
    assert "Wait, let me compute it in Python.\n```python\n" in message["reasoning"]
    assert results(body)[0] == ("ok", "8")
    assert "\\boxed{8}" in message["content"]


def test_the_prefill_leads_to_code_and_the_result_is_trusted(server: Server) -> None:
    body = server.ask("pocket:cort", flyball=PYTHON, **BIG)

    message = body["choices"][0]["message"]
    assert message["reasoning"].startswith(prefill.TEXT)
    assert results(body)[0] == ("ok", "45206517")
    assert cap.TEXT in message["reasoning"]
    assert "\\boxed{45206517}" in message["content"]


def test_a_calculation_by_hand_is_led_to_python(server: Server) -> None:
    body = server.ask("pocket:tedious", flyball=PYTHON, **BIG)

    message = body["choices"][0]["message"]
    assert f"\n{tedious.TEXT}\n```python\n" in message["reasoning"]
    assert results(body)[0] == ("ok", "45206517")
    assert "\\boxed{45206517}" in message["content"]


def test_without_an_executor_the_model_answers_all_the_same(server: Server) -> None:
    body = server.ask("pocket:words", **CHAIN)

    choice = body["choices"][0]
    assert "Wait, let me compute it in Python.\n```python\n" in choice["message"]["reasoning"]
    assert choice["finish_reason"] == "stop"
    assert body["flyball"]["tokens"]["environment"] == 0


@pytest.mark.parametrize("asked", [BIG, CHAIN], ids=["big", "chain"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_streamed_answer_equals_the_plain_one(server: Server, preset: str, asked: dict[str, Any]) -> None:
    plain = server.ask(f"pocket:{preset}", flyball=PYTHON, **asked)["choices"][0]
    streamed = server.stream(f"pocket:{preset}", flyball=PYTHON, **asked)
    message = plain["message"]
    assert streamed == (message.get("reasoning", ""), message["content"], plain["finish_reason"])
