"""`flyball serve`: what its options mean, and what it says when they are wrong."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from flyball.cli.main import COMMANDS, cli
from flyball.cli.serve import overrides
from flyball.core.errors import ConfigError
from flyball.server.config import load_config

NOTHING: dict[str, Any] = {
    "model": None, "name": None, "engine": None, "upstream": (), "upstream_model": None, "tokenizer": None,
    "chat_format": None, "lora": (), "engine_args": "{}", "tensor_parallel_size": None, "max_model_len": None,
    "quantization": None, "host": None, "port": None, "traces": None, "tools": (),
    "sandbox": None, "search": None, "fetch": False, "mcp": (), "aux": (),
}  # fmt: skip


def test_the_overview_lists_every_command_without_importing_one() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)


def test_files_with_tools_are_passed_on() -> None:
    said = overrides({**NOTHING, "tools": ("a.py", "b.py")})
    assert load_config(None, said).tools.files == ("a.py", "b.py")


def test_options_set_the_tools_that_ship(tmp_path: Path) -> None:
    given = {"sandbox": "B", "search": str(tmp_path), "fetch": True}
    mcp = ("time=mcp-server-time --local-timezone 'Europe/Paris'", "wiki=https://wiki.example/mcp")
    tools = load_config(None, overrides(NOTHING | given | {"mcp": mcp})).tools

    assert tools.python.tier == "B"
    assert tools.search.path == tmp_path
    assert tools.fetch is not None
    (time,), (wiki,) = tools.mcp.stdio, tools.mcp.http
    assert (time.name, time.command, time.args) == ("time", "mcp-server-time", ("--local-timezone", "Europe/Paris"))
    assert (wiki.name, wiki.url) == ("wiki", "https://wiki.example/mcp")


def test_without_options_python_and_search_are_offered_and_nothing_that_leaves_the_machine() -> None:
    tools = load_config(None, overrides(NOTHING)).tools

    assert (tools.python.enabled, tools.python.tier, tools.search.enabled) == (True, "auto", True)
    assert (tools.fetch, tools.web_search, tools.mcp.servers, tools.models) == (None, None, (), ())


def test_auxiliary_models_are_weights_or_servers() -> None:
    given = ("verifier=pocket-verifier", "judge=http://gpu1:8000/v1")
    verifier, judge = load_config(None, overrides(NOTHING | {"aux": given})).models

    assert (verifier.name, verifier.path, verifier.url) == ("verifier", "pocket-verifier", None)
    assert (judge.name, judge.path, judge.url) == ("judge", None, "http://gpu1:8000/v1")


def test_the_sandbox_can_be_turned_off() -> None:
    assert not load_config(None, overrides(NOTHING | {"sandbox": "off"})).tools.python.enabled


def test_a_file_with_tools_that_is_not_there_keeps_the_server_from_starting() -> None:
    result = CliRunner().invoke(cli, ["serve", "--tools", "no_such_file.py"])
    assert isinstance(result.exception, ConfigError)
    assert "no_such_file.py" in str(result.exception)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output


def test_an_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(cli, ["govern"])
    assert result.exit_code == 2
    assert "govern" in result.output


def test_without_options_the_pocket_model_is_served_by_vllm() -> None:
    config = load_config(None, overrides(NOTHING))
    assert config.model.served_name == "pocket"
    assert config.engine.kind == "vllm"
    assert Path(config.model.resolved_path).name == "reasoner"


def test_engine_options_reach_vllm_under_its_own_names() -> None:
    given = NOTHING | {"engine_args": '{"max_num_seqs": 4}', "tensor_parallel_size": 2, "max_model_len": 512}
    config = load_config(None, overrides(given))
    assert config.engine.args == {"max_num_seqs": 4, "tensor_parallel_size": 2, "max_model_len": 512}


def test_upstreams_and_adapters_are_configured() -> None:
    given = NOTHING | {"engine": "openai", "upstream": ("http://a:1", "http://b:2/v1"), "lora": ("tuned=/x",)}
    config = load_config(None, overrides(given))
    assert config.engine.remote is not None
    assert config.engine.remote.urls == ("http://a:1", "http://b:2")
    assert config.model.adapters == {"tuned": "/x"}


def test_options_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "flyball.toml"
    file.write_text('[server]\nport = 9000\nhost = "0.0.0.0"\n[model]\npath = "a/b"\n')
    config = load_config(file, overrides(NOTHING | {"port": 9001}))
    assert (config.server.host, config.server.port, config.model.served_name) == ("0.0.0.0", 9001, "b")


def test_keys_come_from_the_environment_and_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYBALL_API_KEYS", "secret-one, secret-two")
    config = load_config(None)
    assert [key.get_secret_value() for key in config.server.api_keys] == ["secret-one", "secret-two"]
    assert "secret-one" not in repr(config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nport = 70000\n", "server.port"),
        ("[serve]\nport = 1\n", "serve"),
        ("[presets.x]\ncontroller = []\n", "presets.x.controller"),
        ("port = ", "flyball.toml"),
        ('[engine]\nkind = "openai"\n', "engine.remote"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "flyball.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said.replace(".", r"\.")):
        load_config(file)


@pytest.mark.parametrize(
    "wrong",
    [
        {"engine_args": "{"},
        {"engine_args": "[]"},
        {"lora": ("nameless",)},
        {"lora": ("=path",)},
        {"mcp": ("time",)},
        {"mcp": ("time=",)},
        {"mcp": ("time='x",)},
    ],
)
def test_options_that_cannot_be_read_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(click.BadParameter):
        overrides(NOTHING | wrong)
