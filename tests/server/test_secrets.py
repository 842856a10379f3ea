"""What of a configuration must never be stored."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.server.config import Config
from flyball.server.secrets import secrets_of

ENVIRONMENT = {
    "UPSTREAM_KEY": "sk-upstream",
    "MCP_AUTHORIZATION": "Bearer mcp-token",
    "JUDGE_KEY": "sk-judge",
    "GITHUB_TOKEN": "ghp-passed-on",
    "MY_HOME": "/srv/home",
    "E2B_API_KEY": "e2b-machine",
    "FLYBALL_API_KEYS": "sk-a, sk-b",
}


def configured(**sections: Any) -> Config:
    return Config.model_validate(sections)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_keys_are_found_wherever_a_configuration_holds_or_names_them() -> None:
    config = configured(
        server={"api_keys": ["sk-client"]},
        engine={
            "kind": "openai",
            "remote": {"urls": ["http://a:1"], "api_key_env": "UPSTREAM_KEY"},
            "args": {"hf_token": "hf-weights", "max_num_seqs": 4, "dtype": "auto"},
        },
        tools={
            "mcp": {
                "http": [
                    {"name": "wiki", "url": "https://w/mcp", "headers_env": {"Authorization": "MCP_AUTHORIZATION"}}
                ],
                "stdio": [
                    {
                        "name": "git",
                        "command": "git-mcp",
                        "env_from": ["GITHUB_TOKEN", "MY_HOME"],
                        "env": {"TZ": "Europe/Berlin", "API_KEY": "sk-program"},
                    }
                ],
            },
            "models": [{"name": "judge", "url": "https://j/v1", "api_key_env": "JUDGE_KEY"}],
        },
        traces={"url": "postgresql://user:hunter2@host/db"},
    )

    assert secrets_of(config) == {
        "sk-client", "sk-upstream", "hf-weights", "Bearer mcp-token", "mcp-token", "ghp-passed-on", "sk-program",
        "sk-judge", "hunter2", "e2b-machine", "sk-a", "sk-b",
    }  # fmt: skip


def test_a_configuration_without_keys_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("E2B_API_KEY", "FLYBALL_API_KEYS"):
        monkeypatch.delenv(name)

    assert secrets_of(configured(engine={"kind": "openai", "remote": {"urls": ["http://a:1"]}})) == frozenset()
    assert secrets_of(configured(traces={"url": "nonsense"})) == frozenset()
