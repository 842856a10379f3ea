"""A client that leaves: everything that its request started ends, by the engine's own count."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .serving import CHAT, COMPLETIONS, PATIENCE, Hold, Served, asking, serving

LONG = {"model": "pocket", "prompt": "one, two", "max_tokens": 50}
VOTE = {"strategy": {"name": "self_consistency", "n": 4}}
HINT = {"controllers": [{"name": "hint_infer"}]}
REQUESTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "chat": (CHAT, asking("count"), 1),
    "chat with n": (CHAT, asking("count", n=3), 3),
    "self_consistency": (CHAT, asking("count", flyball=VOTE), 4),
    "hint_infer": (CHAT, asking("count", flyball=HINT), 1),
    "tools": (CHAT, asking("weather", tools=[{"type": "function", "function": {"name": "get_weather"}}]), 1),
    "completions": (COMPLETIONS, LONG, 1),
    "completions with n": (COMPLETIONS, LONG | {"n": 2, "prompt": ["one", "two"]}, 4),
}


@contextmanager
def asked(served: Served, path: str, body: dict[str, Any]) -> Iterator[socket.socket]:
    """A raw connection on which a request was sent; leaving the context closes it."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    with socket.create_connection(served.address, PATIENCE) as connection:
        connection.sendall(head.encode() + content)
        yield connection


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("at", "late_tokens"), [(0, 0), (3, 2)])
def test_a_client_that_leaves_leaves_nothing_behind(kind: str, stream: bool, at: int, late_tokens: int) -> None:
    path, body, calls = REQUESTS[kind]
    hold = Hold(at=at)
    with serving(hold=hold, late_tokens=late_tokens) as served:
        with asked(served, path, body | {"stream": stream}):
            served.until(lambda: hold.holding == calls)
            assert served.run(served.engine.running()) == calls
        served.until_idle()

        assert hold.holding == 0
        assert served.engine.late == late_tokens * calls
        assert served.service.admission.running == 0


@pytest.mark.parametrize("boundary", ["inside thinking", "the end of thinking", "inside the answer", "inside a call"])
def test_a_stream_can_be_left_at_any_boundary(boundary: str) -> None:
    tools = [{"type": "function", "function": {"name": "get_weather"}}]
    at = {"inside thinking": 5, "the end of thinking": 17, "inside the answer": 22, "inside a call": 30}[boundary]
    hold = Hold(at=at)
    with serving(hold=hold) as served:
        with asked(served, CHAT, asking("weather" if "call" in boundary else "count", stream=True, tools=tools)):
            served.until(lambda: hold.holding == 1)
        served.until_idle()

        assert hold.holding == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_after_an_edit_ends_the_second_engine_call(stream: bool) -> None:
    hold = Hold(at=2)
    body = asking("count", stream=stream, flyball={"controllers": [{"name": "thinking_budget", "tokens": 1}]})
    with serving(hold=hold, deltas=(3,)) as served:
        with asked(served, CHAT, body):
            served.until(lambda: hold.holding == 1)
            assert len(served.engine.requests) == 2
        served.until_idle()

        assert hold.holding == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
def test_a_client_that_leaves_while_it_waits_never_reaches_the_engine(path: str, stream: bool) -> None:
    hold = Hold()
    body = (asking("count") if path == CHAT else LONG) | {"stream": stream}
    with serving(hold=hold, server={"max_running": 1}) as served:
        admission = served.service.admission
        with asked(served, CHAT, asking("count")):
            served.until(lambda: hold.holding == 1)
            with asked(served, path, body):
                served.until(lambda: admission.waiting == 1)
            served.until(lambda: admission.waiting == 0)
            assert admission.running == 1
        served.until_idle()

        assert len(served.engine.requests) == 1


def test_a_place_that_is_left_goes_to_the_next_in_the_queue() -> None:
    hold = Hold()
    with serving(hold=hold, server={"max_running": 2}) as served:
        admission = served.service.admission
        with asked(served, CHAT, asking("count")):
            served.until(lambda: hold.holding == 1)
            with asked(served, CHAT, asking("count", n=2)):
                served.until(lambda: admission.waiting == 1)
                with asked(served, CHAT, asking("count", stream=True)):
                    served.until(lambda: admission.waiting == 2)
                    assert admission.running == 1
        served.until_idle()

        assert admission.waiting == 0


def test_one_client_that_leaves_disturbs_no_other() -> None:
    hold = Hold(at=8)
    with serving(hold=hold) as served, asked(served, CHAT, asking("count", stream=True)) as staying:
        served.until(lambda: hold.holding == 1)
        with asked(served, CHAT, asking("count", stream=True)):
            served.until(lambda: hold.holding == 2)
        served.until(lambda: hold.holding == 1)
        served.call(hold.open)
        received = b""
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += staying.recv(65536)
        served.until_idle()

    assert b'"finish_reason":"stop"' in received
    assert b"data: [DONE]" in received


def test_a_cancelled_request_is_counted_as_such() -> None:
    hold = Hold()
    with serving(hold=hold) as served:
        for stream in (False, True):
            with asked(served, CHAT, asking("count", stream=stream)):
                served.until(lambda: hold.holding == 1)
            served.until_idle()
        metrics = served.http.get("/metrics").text

    assert 'flyball_requests_total{outcome="cancelled",route="chat"} 2.0' in metrics


def test_a_client_that_only_closes_its_sending_side_has_left() -> None:
    hold = Hold()
    with serving(hold=hold) as served, asked(served, CHAT, asking("count")) as connection:
        served.until(lambda: hold.holding == 1)
        connection.shutdown(socket.SHUT_WR)
        served.until_idle()
