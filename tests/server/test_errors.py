"""Errors of every route: OpenAI's shape, whatever goes wrong and wherever."""

from __future__ import annotations

import json
import logging
import socket

import httpx
import pytest

from .serving import CHAT, COMPLETIONS, PATIENCE, Hold, Served, asking, checked_error, error_of, parsed, serving


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
@pytest.mark.parametrize(
    "content", [b"{", b"not json", b'{"model": "pocket",}', b'{"model": "\xff"}', b"[" * 100_000, b'{"a": NaN']
)
def test_a_body_that_is_no_json_is_a_400(served: Served, path: str, content: bytes) -> None:
    response = served.http.post(path, content=content, headers={"content-type": "application/json"})

    assert response.status_code == 400
    error = error_of(response)
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "invalid_json"
    assert error["param"] is None


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
@pytest.mark.parametrize("content", [b"", b"[]", b'"text"', b"5", b"null", b"{}"])
def test_a_body_that_is_no_request_is_a_400(served: Served, path: str, content: bytes) -> None:
    response = served.http.post(path, content=content, headers={"content-type": "application/json"})

    assert response.status_code == 400
    assert error_of(response)["type"] == "invalid_request_error"


def test_a_body_needs_no_content_type(served: Served) -> None:
    response = served.http.post(CHAT, content=json.dumps(asking("hello")).encode())

    assert response.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        asking("half a \ud83d pair"),
        asking("hello", stop=["\udc00"]),
        asking("hello", user="\ud800"),
        asking("hello", flyball={"\ud800": 1}),
        asking("hello", tools=[{"type": "function", "function": {"name": "a", "parameters": {"x": ["\ud800"]}}}]),
        {"model": "pocket\ud800", "messages": [{"role": "user", "content": "hello"}]},
    ],
)
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
def test_half_of_a_surrogate_pair_is_a_400(served: Served, body: dict[str, object], path: str) -> None:
    content = json.dumps(body | {"prompt": "hello"} if path == COMPLETIONS else body)
    response = served.http.post(path, content=content)

    assert response.status_code == 400
    assert "surrogate" in error_of(response)["message"]


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
@pytest.mark.parametrize("model", ["gpt-9", "pocket:fast", "", "pocket/", "POCKET"])
def test_an_unknown_model_or_preset_is_a_404_that_says_what_there_is(served: Served, path: str, model: str) -> None:
    response = served.post(path, asking("hello") | {"model": model, "prompt": "hello"})

    assert response.status_code == 404
    error = error_of(response)
    assert error["code"] == "model_not_found"
    assert error["param"] == "model"
    assert "pocket" in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("POST", "/", 404),
        ("GET", "/v1/models/none", 404),
        ("GET", CHAT, 405),
        ("DELETE", "/v1/models", 405),
        ("PATCH", COMPLETIONS, 405),
    ],
)
def test_unknown_routes_and_methods_are_refused_in_the_same_shape(
    served: Served, method: str, path: str, status: int
) -> None:
    response = served.http.request(method, path)

    assert response.status_code == status
    error_of(response)


def test_a_code_names_an_unknown_controller_and_an_unknown_strategy(served: Served) -> None:
    controller = served.error(flyball={"controllers": [{"name": "no_such"}]})
    strategy = served.error(flyball={"strategy": {"name": "no_such"}})

    assert controller["code"] == "unknown_controller"
    assert "thinking_budget" in controller["message"]
    assert strategy["code"] == "unknown_strategy"
    assert "self_consistency" in strategy["message"]


# -- the size of a body ------------------------------------------------------------------------------------------------


def test_a_body_beyond_the_limit_is_a_413() -> None:
    with serving(server={"max_body_bytes": 2000}) as served:
        assert served.post(CHAT, asking("x" * 1000)).status_code == 200
        response = served.post(CHAT, asking("x" * 2000))

    assert response.status_code == 413
    assert error_of(response)["code"] == "request_too_large"


def test_a_body_beyond_the_limit_that_hides_its_length_is_a_413_too() -> None:
    with serving(server={"max_body_bytes": 2000}) as served:
        body = json.dumps(asking("x" * 2000)).encode()
        response = served.http.post(CHAT, content=iter([body[:1000], body[1000:]]))

    assert "content-length" not in response.request.headers
    assert response.status_code == 413
    assert error_of(response)["code"] == "request_too_large"


def test_a_chunked_body_within_the_limit_is_served(served: Served) -> None:
    body = json.dumps(asking("hello")).encode()

    assert served.http.post(CHAT, content=iter([body[:10], body[10:]])).status_code == 200


def test_a_length_that_is_no_number_is_refused(served: Served) -> None:
    with socket.create_connection(served.address, PATIENCE) as connection:
        connection.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n".encode())
        answer = connection.recv(4096)

    assert answer.split()[1] == b"400"


# -- streams -----------------------------------------------------------------------------------------------------------


def test_an_error_before_the_first_event_of_a_stream_is_a_plain_response(served: Served) -> None:
    response = served.post(CHAT, asking("raise", stream=True))

    assert response.status_code == 500
    assert error_of(response)["type"] == "server_error"


def test_an_error_after_the_first_event_is_an_event_and_then_the_stream_is_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hold = Hold(at=10)
    caplog.set_level(logging.ERROR)
    with serving(hold=hold) as served, served.http.stream("POST", CHAT, json=asking("count", stream=True)) as response:
        served.until(lambda: hold.holding == 1)
        served.call(served.engine.die)
        served.call(hold.open)
        *events, last, done = parsed(response.read().decode())

    assert response.status_code == 200
    assert events
    assert all("error" not in event for event in events)
    assert list(last) == ["error"]
    assert checked_error(last["error"])["code"] == "engine_unavailable"
    assert done == "[DONE]"
    assert f"stream {events[0]['id']} failed" in caplog.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, asking("raise")),
        (COMPLETIONS, {"model": "pocket", "prompt": "<|im_start|>user\nraise<|im_end|>\n<|im_start|>assistant\n"}),
    ],
)
def test_a_defect_tells_the_client_nothing_of_itself_and_the_log_everything(
    served: Served, path: str, body: dict[str, object], stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    response = served.http.post(path, json=body | {"stream": stream}, headers={"x-request-id": "mine"})

    assert response.status_code == 500
    assert error_of(response)["message"] == "internal error"
    assert response.headers["x-request-id"] == "mine"
    assert "a defect that nobody foresaw" in caplog.text


def test_a_defect_does_not_cost_the_connection(served: Served) -> None:
    with httpx.Client(base_url=served.url, timeout=PATIENCE, verify=False) as client:
        ports = []
        for question in ("raise", "hello"):
            with client.stream("POST", CHAT, json=asking(question)) as response:
                ports.append(response.extensions["network_stream"].get_extra_info("client_addr"))
                response.read()

    assert ports[0] == ports[1]
