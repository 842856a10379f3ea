"""The whole server as a user starts it: `flyball serve` in a process of its own, on real vLLM."""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import Any

import pytest

from .live import PATIENCE, QUESTION, Server

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(400)]

CONFIG = """
[traces]
url = "sqlite:///{folder}/traces.sqlite"
[presets.budget]
controllers = [{ name = "adaptive_think", mode = "think" }, { name = "thinking_budget", tokens = 12 }]
[presets.phrase]
controllers = [{ name = "adaptive_think", mode = "think" }, { name = "thinking_budget", tokens = 12, closing = "Enough." }]
[presets.hint]
controllers = [{ name = "adaptive_think", mode = "think" }, { name = "hint_infer", rounds = 1, hints = ["Wait, let me check."] }]
[presets.auto]
controllers = [{ name = "adaptive_think", mode = "auto" }]
[presets.quick]
controllers = [{ name = "adaptive_think", mode = "no_think" }]
"""
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


def test_a_dead_engine_is_answered_with_503_and_started_again(server: Server) -> None:
    server.engine_core().kill()
    body = {"model": "pocket", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 4}

    def refused() -> bool:
        response = server.http.post("/v1/chat/completions", json=body)
        assert response.status_code in (200, 503)
        return response.status_code == 503

    server.until(refused)
    assert server.http.post("/v1/chat/completions", json=body).json()["error"]["type"] == "service_unavailable"
    server.until(server.healthy, 120)
    assert server.ask(max_tokens=4)["usage"]["completion_tokens"] == 4


def test_sigterm_lets_a_running_answer_finish_and_its_trace_be_written(server: Server) -> None:
    body = {"model": "pocket", "messages": [{"role": "user", "content": QUESTION}], "stream": True, "temperature": 0}
    with server.http.stream(
        "POST", "/v1/chat/completions", json=body | {"max_tokens": 600, "ignore_eos": True}
    ) as response:
        lines = response.iter_lines()
        first = next(line for line in lines if line.startswith("data: "))
        trace = json.loads(first[6:])["id"]
        os.kill(server.process.pid, signal.SIGTERM)
        rest = [line for line in lines if line.startswith("data: ")]
    assert rest[-1] == "data: [DONE]"
    assert server.process.wait(PATIENCE) in (0, -signal.SIGTERM)
    from flyball.server.traces.reader import TraceReader

    with TraceReader(f"sqlite:///{server.folder / 'traces.sqlite'}") as reader:
        stored = reader.episode(trace)
        assert stored is not None
        assert stored.trajectories[0].tally.sampled == 600
        assert len(list(reader.episodes())) > len(PRESETS)
