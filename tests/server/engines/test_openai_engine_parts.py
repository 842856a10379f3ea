"""The parts of the `openai` engine that need no server: configuration, routing, health, event cutting."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field

import pytest
from pydantic import ValidationError

from flyball.core.errors import ConfigError
from flyball.server.engines.openai import OpenAIEngine
from flyball.server.engines.remote.config import RemoteConfig
from flyball.server.engines.remote.errors import LONGEST_MESSAGE, answered_error
from flyball.server.engines.remote.health import SOFT_FAILURES, Health
from flyball.server.engines.remote.routing import choose
from flyball.server.engines.remote.sse import EventCutter

from .fake_upstream import decode, encode


@dataclass(eq=False)
class Server:
    url: str
    in_flight: int = 0
    health: Health = field(default_factory=lambda: Health(1, 10))


def servers(*loads: int) -> list[Server]:
    return [Server(f"http://gpu{i}:8000", load) for i, load in enumerate(loads)]


def keys(count: int) -> list[bytes]:
    return [f"conversation {i}".encode() for i in range(count)]


def test_the_configuration_imports_neither_an_http_client_nor_vllm_nor_torch() -> None:
    code = (
        "import sys, flyball.server.engines.remote.config; "
        "sys.exit(bool({'aiohttp', 'vllm', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(
    "url", ["http://gpu1:8000", "http://gpu1:8000/", "http://gpu1:8000/v1", "http://gpu1:8000/v1/"]
)
def test_a_url_is_taken_with_and_without_v1(url: str) -> None:
    assert RemoteConfig(urls=(url,)).urls == ("http://gpu1:8000",)


@pytest.mark.parametrize("url", ["gpu1:8000", "ftp://gpu1", "http://", "http://user:pw@gpu1", "http://gpu1?key=pw"])
def test_a_url_that_is_none_or_holds_a_secret_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RemoteConfig(urls=(url,))
    assert "pw" not in str(caught.value)


def test_an_unknown_field_two_keys_and_a_server_named_twice_are_refused() -> None:
    with pytest.raises(ValidationError, match="timeout_s"):
        RemoteConfig.model_validate({"urls": ["http://a"], "timeout_s": 1})
    with pytest.raises(ValidationError, match="not both"):
        RemoteConfig.model_validate({"urls": ["http://a"], "api_key": "k", "api_key_env": "K"})
    with pytest.raises(ValidationError, match="twice"):
        RemoteConfig.model_validate({"urls": ["http://a", "http://a/v1"]})


def test_a_key_missing_from_the_environment_is_found_before_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UPSTREAM_KEY", raising=False)
    config = RemoteConfig(urls=("http://a",), api_key_env="UPSTREAM_KEY")
    with pytest.raises(ConfigError, match="UPSTREAM_KEY"):
        OpenAIEngine(config, encode, decode)


def test_a_key_shows_in_no_repr_or_dump() -> None:
    config = RemoteConfig.model_validate({"urls": ["http://a"], "api_key": "sk-secret"})
    assert "sk-secret" not in repr(config) + str(config) + config.model_dump_json()


def test_keys_spread_evenly_over_servers() -> None:
    pool = servers(0, 0, 0, 0)
    chosen = Counter(server.url for key in keys(2000) if (server := choose(pool, key, [], 1.25)))
    assert all(400 < count < 600 for count in chosen.values())


def test_when_a_server_fails_only_its_own_keys_move() -> None:
    pool = servers(0, 0, 0, 0)
    before = {key: choose(pool, key, [], 1.25) for key in keys(500)}
    pool[2].health.call_failed(hard=True)
    moved = {key for key in before if choose(pool, key, [], 1.25) is not before[key]}
    assert moved == {key for key, server in before.items() if server is pool[2]}


def test_a_server_over_the_bound_is_never_chosen_and_one_always_is() -> None:
    pool = servers(8, 2)
    assert {choose(pool, key, [], 1.25) for key in keys(100)} == {pool[1]}
    even = servers(5, 5)
    assert {choose(even, key, [], 1.0) for key in keys(100)} == set(even)


def test_failing_servers_are_chosen_when_no_other_is_left_and_none_when_all_were_tried() -> None:
    pool = servers(0, 0)
    pool[0].health.call_failed(hard=True)
    assert choose(pool, b"k", [], 1.25) is pool[1]
    assert choose(pool, b"k", [pool[1]], 1.25) is pool[0]
    assert choose(pool, b"k", pool, 1.25) is None


def test_soft_failures_put_a_server_aside_when_they_come_in_a_row() -> None:
    health = Health(1, 10)
    for _ in range(SOFT_FAILURES - 1):
        assert not health.call_failed(hard=False)
    health.call_worked()
    assert [health.call_failed(hard=False) for _ in range(SOFT_FAILURES)] == [False] * (SOFT_FAILURES - 1) + [True]
    assert health.failing


def test_the_time_aside_doubles_up_to_its_limit_until_a_call_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    health = Health(1, 10)
    waits = []
    for _ in range(6):
        health.call_failed(hard=True)
        waits.append(health.probe_at - 100.0)
        health.probe_answered()
    assert waits == [1, 2, 4, 8, 10, 10]
    health.call_worked()
    health.call_failed(hard=True)
    assert health.probe_at == 101.0


def test_a_failing_call_does_not_put_off_the_probe_of_a_server_that_is_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    health = Health(1, 10)
    health.call_failed(hard=True)
    due = health.probe_at
    monkeypatch.setattr("time.monotonic", lambda: due + 50)
    assert not health.call_failed(hard=True) and health.probe_at == due


def test_events_are_cut_whatever_the_line_ends_and_splits() -> None:
    for end in (b"\n", b"\r\n"):
        stream = end.join([b": ping", b"", b"event: x", b'data: {"a": 1}', b"", b"data:[DONE]", b"", b""])
        for cut in range(len(stream)):
            cutter = EventCutter()
            assert cutter.feed(stream[:cut]) + cutter.feed(stream[cut:]) == [b'{"a": 1}', b"[DONE]"]


def test_a_long_answer_is_shortened_in_the_error() -> None:
    assert len(str(answered_error(500, b"x" * 10_000, None))) < LONGEST_MESSAGE + 100
