"""The whole server as a user starts it: `flyball serve` in a process of its own, on real vLLM."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from ..live import QUESTION, Server

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(400)]

PRESETS = ("budget", "phrase", "hint", "auto", "quick")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_streamed_answer_equals_the_plain_one(server: Server, preset: str) -> None:
    plain = server.ask(f"pocket:{preset}")["choices"][0]
    message = plain["message"]
    streamed = server.stream(f"pocket:{preset}")
    assert streamed == (message.get("reasoning", ""), message["content"], plain["finish_reason"])


def test_a_budget_is_exact_and_the_answer_follows(server: Server) -> None:
    answer = server.ask("pocket:phrase")
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == 12
    assert answer["choices"][0]["message"]["reasoning"].rstrip().endswith("Enough.")
    assert "\\boxed" in answer["choices"][0]["message"]["content"]


def test_a_named_tool_call_follows_its_schema_after_free_thinking(server: Server) -> None:
    schema = {"type": "object", "properties": {"digit": {"enum": [1, 2, 3]}}, "required": ["digit"]}
    tool = {"type": "function", "function": {"name": "report", "parameters": schema}}
    choice = {"type": "function", "function": {"name": "report"}}
    answer = server.ask(tools=[tool], tool_choice=choice)["choices"][0]
    assert answer["finish_reason"] == "tool_calls"
    (call,) = answer["message"]["tool_calls"]
    assert call["function"]["name"] == "report"
    assert json.loads(call["function"]["arguments"])["digit"] in (1, 2, 3)
    assert answer["message"]["reasoning"]


def test_a_response_format_is_kept_to(server: Server) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"digit": {"type": "integer", "minimum": 0, "maximum": 9}},
        "required": ["digit"],
    }
    schema["additionalProperties"] = False
    format = {"type": "json_schema", "json_schema": {"name": "digit", "schema": schema, "strict": True}}
    content = server.ask(response_format=format, max_tokens=1500)["choices"][0]["message"]["content"]
    assert set(json.loads(content)) == {"digit"}


def test_ids_that_the_model_does_not_have_are_a_400_that_names_the_parameter(server: Server) -> None:
    response = server.http.post("/v1/completions", json={"model": "pocket", "prompt": [5, 10**6]})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "prompt")


def test_a_schema_that_no_grammar_can_express_is_a_400_that_names_the_parameter(server: Server) -> None:
    schema = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}
    format = {"type": "json_schema", "json_schema": {"name": "digits", "schema": schema}}
    body = {"model": "pocket:quick", "messages": [{"role": "user", "content": QUESTION}], "response_format": format}
    response = server.http.post("/v1/chat/completions", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "response_format")


@pytest.mark.parametrize("preset", ["budget", "phrase", "hint", "auto"])
def test_a_client_that_leaves_a_stream_leaves_nothing_running(server: Server, preset: str) -> None:
    body = {"model": f"pocket:{preset}", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    body |= {"ignore_eos": True, "max_tokens": 1500}
    for lines in (1, 20, 120):
        with server.http.stream("POST", "/v1/chat/completions", json=body) as response:
            seen = 0
            for line in response.iter_lines():
                seen += line.startswith("data: ")
                if seen == lines:
                    break
        server.until(lambda: server.running() == 0)


def test_a_client_that_leaves_a_plain_request_leaves_nothing_running(server: Server) -> None:
    body = {"model": "pocket", "messages": [{"role": "user", "content": QUESTION}], "n": 3}
    encoded = json.dumps(body | {"ignore_eos": True, "max_tokens": 1500}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(encoded)}"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head.encode() + b"\r\n\r\n" + encoded)
        server.until(lambda: server.running() == 3)
    server.until(lambda: server.running() == 0)
