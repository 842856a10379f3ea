"""The configuration: a file, options over it, keys from the environment; mistakes are found while loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flyball.core.errors import ConfigError
from flyball.server.app import build_app, make_engine
from flyball.server.config import Config, load_config
from flyball.server.engines.openai import OpenAIEngine

from .serving import pocket_format, serving

TEXT = """
[server]
port = 9000
api_keys = ["sk-file"]

[model]
path = "Some/Model"
price = {input = 1.0, output = 2.0}

[presets.fast]
controllers = [{name = "thinking_budget", tokens = 10}]
budget = {tokens = 100}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flyball.toml"
    path.write_text(TEXT)
    return path


def test_without_a_file_the_packaged_model_is_served() -> None:
    config = load_config(None)

    assert config.model.served_name == "pocket"
    assert Path(config.model.resolved_path).name == "reasoner"
    assert config.server.host == "127.0.0.1"
    assert config.traces.url is None


def test_options_win_over_the_file_and_leave_the_rest(file: Path) -> None:
    config = load_config(file, {"server": {"port": 9001}, "model": {"name": "mine"}})

    assert config.server.port == 9001
    assert [key.get_secret_value() for key in config.server.api_keys] == ["sk-file"]
    assert config.model.served_name == "mine"
    assert config.model.resolved_path == "Some/Model"
    assert config.model.price.price().usd(1_000_000, 1_000_000) == 3.0
    assert config.presets["fast"].budget.tokens == 100


def test_keys_come_from_the_environment_unless_the_file_has_some(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYBALL_API_KEYS", " sk-one, ,sk-two ")

    assert [key.get_secret_value() for key in load_config(None).server.api_keys] == ["sk-one", "sk-two"]
    assert [key.get_secret_value() for key in load_config(file).server.api_keys] == ["sk-file"]


def test_a_configuration_shows_no_keys(file: Path) -> None:
    assert "sk-file" not in repr(load_config(file))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nport = 70000", "server.port"),
        ("[server]\nprot = 80", "server.prot"),
        ("[engine]\nkind = 'openai'", "engine"),
        ("[presets.x]\ncontroler = []", "presets.x.controler"),
        ("[server", "flyball.toml"),
    ],
)
def test_a_mistake_is_a_configuration_error_that_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "flyball.toml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=said):
        load_config(path)


def test_a_file_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        load_config(tmp_path / "nowhere.toml")


def test_the_openai_engine_is_made_when_the_configuration_names_it() -> None:
    config = load_config(None, {"engine": {"kind": "openai", "remote": {"urls": ["http://127.0.0.1:1"]}}})

    assert isinstance(make_engine(config, pocket_format()), OpenAIEngine)


@pytest.mark.parametrize(
    "block",
    [
        {"controllers": [{"name": "no_such"}]},
        {"controllers": [{"name": "thinking_budget", "tokens": -1}]},
        {"strategy": {"name": "self_consistency", "m": 1}},
        {"tools": ["search"], "fenced": True},
    ],
)
async def test_a_preset_that_no_request_could_use_keeps_the_server_from_starting(block: dict[str, Any]) -> None:
    config = Config.model_validate({"presets": {"broken": block}})
    format = pocket_format()
    app = build_app(config, engine=lambda config, format: _engine(), format=format)

    with pytest.raises(ConfigError, match="broken"):
        async with app.router.lifespan_context(app):
            pass


def test_a_preset_that_names_an_unknown_tool_is_refused_before_anything_starts() -> None:
    mcp = {"http": [{"name": "wiki", "url": "http://127.0.0.1:1/mcp"}]}
    presets = {"fine": {"tools": ["*", "python", "search", "wiki__lookup"]}, "broken": {"tools": ["serch"]}}
    config = Config.model_validate({"tools": {"mcp": mcp}, "presets": presets})

    with pytest.raises(ConfigError, match=r"presets\.broken: unknown tool 'serch'; did you mean search\?"):
        build_app(config)


def test_a_preset_that_limits_an_unknown_tool_is_refused_before_anything_starts() -> None:
    presets = {"fine": {"budget": {"tool_calls": {"search": 1}}}, "broken": {"budget": {"tool_calls": {"serch": 1}}}}

    with pytest.raises(ConfigError, match=r"presets\.broken: unknown tool 'serch'; did you mean search\?"):
        build_app(Config.model_validate({"presets": presets}))


def _engine() -> Any:
    from flyball.server.engines.scripted import ScriptedEngine

    return ScriptedEngine(lambda _: [], eos_ids=pocket_format().eos_ids)


def test_a_server_starts_with_presets_that_are_right() -> None:
    with serving(presets={"fine": {"controllers": [{"name": "hint_infer"}]}}) as served:
        assert served.chat(model="pocket:fine")["choices"]
