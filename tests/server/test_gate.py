"""Keys and request ids: what every request passes first."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from .serving import CHAT, COMPLETIONS, Served, asking, error_of, serving

KEY = "sk-a-key-that-nobody-may-see"
GUARDED = [
    ("POST", CHAT),
    ("POST", COMPLETIONS),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/pocket"),
    ("GET", "/v1/flyball/controllers"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/nothing"),
    ("GET", "/health/"),
    ("GET", "//health"),
]


@pytest.fixture(scope="module")
def guarded() -> Iterator[Served]:
    with serving(server={"api_keys": ["sk-other", KEY]}) as served:
        yield served


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {KEY}x"},
        {"authorization": KEY},
        {"x-api-key": KEY},
    ],
)
def test_without_a_known_key_everything_is_a_401(
    guarded: Served, method: str, path: str, headers: dict[str, str]
) -> None:
    response = guarded.http.request(method, path, headers=headers)

    assert response.status_code == 401
    error = error_of(response)
    assert error["type"] == "authentication_error"
    assert error["code"] == "invalid_api_key"
    assert KEY not in response.text


@pytest.mark.parametrize("key", [KEY, "sk-other"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_every_configured_key_opens(guarded: Served, key: str, scheme: str) -> None:
    response = guarded.http.post(CHAT, json=asking("hello"), headers={"authorization": f"{scheme} {key}"})

    assert response.status_code == 200


def test_health_is_open(guarded: Served) -> None:
    assert guarded.http.get("/health").status_code == 200


def test_metrics_are_open_unless_the_configuration_closes_them(guarded: Served) -> None:
    assert guarded.http.get("/metrics").status_code == 200
    with serving(server={"api_keys": [KEY], "open_metrics": False}) as served:
        assert served.http.get("/metrics").status_code == 401
        response = served.http.get("/metrics", headers={"authorization": f"Bearer {KEY}"})
    assert list(text_string_to_metric_families(response.text))


def test_without_configured_keys_any_key_will_do(served: Served) -> None:
    response = served.http.post(CHAT, json=asking("hello"), headers={"authorization": "Bearer whatever"})

    assert response.status_code == 200


def test_a_key_is_in_no_log_and_in_no_trace(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = {"api_keys": [KEY]}
    headers = {"authorization": f"Bearer {KEY}"}
    with (
        caplog.at_level(logging.DEBUG),
        serving(server=server, traces={"url": f"sqlite:///{tmp_path}/traces.sqlite"}) as served,
    ):
        for question in ("hello", "raise"):
            served.http.post(CHAT, json=asking(question), headers=headers)
        shown = repr(served.service.config)

    assert KEY not in shown
    assert KEY not in caplog.text
    assert [path.name for path in tmp_path.iterdir() if KEY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/health"), ("GET", "/nothing"), ("POST", CHAT), ("GET", "/v1/models")]
)
def test_a_request_id_comes_back(guarded: Served, method: str, path: str) -> None:
    response = guarded.http.request(method, path, headers={"x-request-id": "abc-1"})

    assert response.headers.get_list("x-request-id") == ["abc-1"]


def test_a_stream_brings_its_request_id(served: Served) -> None:
    response = served.http.post(CHAT, json=asking("hello", stream=True), headers={"x-request-id": "abc-2"})

    assert response.headers["x-request-id"] == "abc-2"


def test_a_request_without_an_id_is_given_one_of_its_own(served: Served) -> None:
    ids = {served.http.get("/health").headers["x-request-id"] for _ in range(2)}

    assert len(ids) == 2


def test_a_long_request_id_is_cut(served: Served) -> None:
    response = served.http.get("/health", headers={"x-request-id": "x" * 1000})

    assert response.headers["x-request-id"] == "x" * 128


def test_a_refused_request_leaves_the_connection_usable(guarded: Served) -> None:
    with httpx.Client(base_url=guarded.url, timeout=5) as client:
        refused = client.post(CHAT, json=asking("hello"))
        served = client.post(CHAT, json=asking("hello"), headers={"authorization": f"Bearer {KEY}"})

    assert (refused.status_code, served.status_code) == (401, 200)
