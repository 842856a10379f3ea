"""The pocket model with Python in its sandbox on real vLLM: declared as a tool, and in its thinking after a hint."""

from __future__ import annotations

from typing import Any

import pytest

from ..live import Server

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(400)]

PYTHON = {"tools": ["python"], "events": True, "budget": {"tool_calls": {"python": 4}}}


def told(body: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = body["flyball"]["events"]
    return [event for event in events if event["type"] == kind]


def test_the_sandbox_is_there_without_being_configured(server: Server) -> None:
    tools = server.http.get("/health").json()["tools"]

    assert tools["offered"] == 2
    assert tools["python"]["tier"] is not None


def test_after_a_hint_that_opens_a_fence_code_is_run_in_the_thinking_and_its_result_is_the_answer(
    server: Server,
) -> None:
    body = server.ask("pocket:opened", flyball=PYTHON | {"fenced": "only"}, max_tokens=1500)

    message = body["choices"][0]["message"]
    results = told(body, "tool_result")
    assert results and all(result["status"] == "ok" for result in results)
    assert f"```output\n{results[0]['text']}\n```\n" in message["reasoning"]
    assert "\\boxed{8}" in message["content"]
    assert body["flyball"]["tokens"]["environment"] > 0


def test_after_a_hint_a_declared_tool_is_called_and_its_result_is_the_answer(server: Server) -> None:
    body = server.ask("pocket:said", flyball=PYTHON, max_tokens=1500)

    message = body["choices"][0]["message"]
    assert [result["status"] for result in told(body, "tool_result")] == ["ok"]
    assert "Result of python: 8\n" in message["reasoning"]
    assert "\\boxed{8}" in message["content"]


@pytest.mark.parametrize("fenced", ["only", True])
@pytest.mark.parametrize("preset", ["opened", "said"])
def test_a_streamed_answer_with_tools_equals_the_plain_one(server: Server, preset: str, fenced: object) -> None:
    asked = PYTHON | {"fenced": fenced}
    plain = server.ask(f"pocket:{preset}", flyball=asked, max_tokens=1500)["choices"][0]
    streamed = server.stream(f"pocket:{preset}", flyball=asked, max_tokens=1500)
    message = plain["message"]
    assert streamed == (message.get("reasoning", ""), message["content"], plain["finish_reason"])
