"""`flyball traces`: list, show and export what a server stored."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from flyball.cli.main import cli
from flyball.server.traces import schema
from flyball.server.traces.records import Feedback
from flyball.server.traces.store import Store

from ..server.traces import version_1
from ..server.traces.records import NOON, episode, store
from ..server.traces.told import HOSTILE, hostile_episode, told_episode

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A store with four episodes, one of them rated, named by the environment."""
    url = f"sqlite:///{tmp_path / 'traces.sqlite'}"
    hour = timedelta(hours=1)
    store(
        url,
        told_episode("chatcmpl-a1"),
        episode("chatcmpl-a2", NOON + hour, "other", outcome="length", preset=None),
        episode("chatcmpl-b", NOON + 2 * hour, flyball={"controllers": [{"name": "hint_infer"}]}),
        hostile_episode(),
    )
    opened = Store(url)
    assert opened.rate("chatcmpl-b", None, Feedback(by="ann", score=0.25, label="good", created=NOON))
    opened.close()
    monkeypatch.setenv("FLYBALL_TRACES", url)
    monkeypatch.setenv("COLUMNS", "200")
    yield url


def run(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["traces", *words])
    assert result.exit_code == code, result.output
    return result


def listed(*words: str) -> list[str]:
    return [json.loads(line)["id"] for line in run("list", "--json", *words).output.splitlines()]


def test_the_list_has_the_newest_first(url: str) -> None:
    assert listed() == ["chatcmpl-b", "chatcmpl-a2", "hostile", "chatcmpl-a1"]
    assert listed("--limit", "1") == ["chatcmpl-b"]


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--since", "2026-03-01T12:30"], ["chatcmpl-b", "chatcmpl-a2"]),
        (["--until", "2026-03-01T12:30"], ["hostile", "chatcmpl-a1"]),
        (["--since", "2h"], []),
        (["--model", "other"], ["chatcmpl-a2"]),
        (["--preset", "fast", "--controller", "hint_infer"], ["chatcmpl-b"]),
        (["--controller", "hint%"], []),
        (["--finish", "length"], ["chatcmpl-a2"]),
        (["--feedback", "any"], ["chatcmpl-b"]),
        (["--feedback", "none", "--model", "other"], ["chatcmpl-a2"]),
        (["--feedback", "good"], ["chatcmpl-b"]),
        (["--feedback", "bad"], []),
        (["--feedback", "<0.5"], ["chatcmpl-b"]),
        (["--feedback", ">= 0.5"], []),
    ],
)
def test_the_list_is_filtered(url: str, words: list[str], ids: list[str]) -> None:
    assert listed(*words) == ids


def test_the_table_has_a_line_for_each_episode(url: str) -> None:
    output = run("list").output

    line = next(line for line in output.splitlines() if line.startswith("chatcmpl-b"))
    assert "2026-03-01 14:00:00" in line and "hint_infer" in line and "good 0.25" in line
    assert run("list", "--model", "nobody").output.strip() == "no episodes"


def test_a_wrong_time_is_refused_with_examples(url: str) -> None:
    assert "2026-03-01T12:00" in run("list", "--since", "yesterday", code=2).output


def test_an_episode_is_shown_with_what_happened(url: str) -> None:
    """Without colours, too: what was dropped stands between signs."""
    output = run("show", "chatcmpl-a1").output

    for part in (
        "user:",
        "What is it?",
        "think, injected",
        "[- Wait, no, let me guess.-]",
        "13 tokens dropped by trimr",
        "hint: recheck of recheck, logic by uniform, p = 0.25",
        '{"code": "6*7"}',
        "python: ok, 0.25 s",
        "It is 42.",
        "stop by model",
        "tokens: 30 of 40",
        "tool_calls.python: 1 of 1",
    ):
        assert part in output
    assert "good 0.25 (by ann)" in run("show", "chatcmpl-b").output


def test_an_episode_is_found_by_the_beginning_of_its_id(url: str) -> None:
    assert "chatcmpl-b" in run("show", "chatcmpl-b").output
    assert "several" in run("show", "chatcmpl-a", code=1).output
    assert "no episode" in run("show", "zzz", code=1).output


def test_nothing_that_a_trace_holds_controls_the_terminal(url: str) -> None:
    """Neither escape sequences nor markup: every control character is shown as a sign."""
    for words in (["show", "hostile"], ["list"], ["list", "--json"], ["export"], ["export", "--rows", "trajectories"]):
        assert CONTROL.findall(run(*words).output) == []
    assert "␛[31m[bold]red[/]" in run("show", "hostile").output.replace("\n", "")
    rows = [json.loads(line) for line in run("export").output.splitlines()]
    assert HOSTILE in [row["model"] for row in rows], "programs still read what was stored"


def test_what_was_dropped_is_struck_out_in_colour(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal: dim thinking, yellow hints, dropped text struck through in red."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    output = run("show", "chatcmpl-a1").output

    assert re.search(r"\x1b\[9;31m\[- ?Wait, no", output)
    assert re.search(r"\x1b\[2m ?Six times seven", output)
    assert re.search(r"\x1b\[1;33m ?I should recheck", output)


def test_a_page_is_written(url: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run("show", "chatcmpl-a1", "--html", str(page))

    assert "<del" in page.read_text(encoding="utf-8")


def test_episodes_are_exported_as_lines_and_as_parquet(url: str, tmp_path: Path) -> None:
    lines = run("export", "--rows", "decisions", "--finish", "stop").output.splitlines()
    assert {json.loads(line)["episode_id"] for line in lines} == {"chatcmpl-a1", "chatcmpl-b", "hostile"}

    run("export", "--out", str(tmp_path / "all.jsonl"))
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["chatcmpl-a1", "hostile", "chatcmpl-a2", "chatcmpl-b"]
    assert rows[0]["answers"] == ["It is 42."]

    run("export", "--rows", "trajectories", "--out", str(tmp_path / "all.parquet"))
    table = pyarrow.parquet.read_table(tmp_path / "all.parquet")
    assert table.num_rows == 6 and sorted(set(table["episode_id"].to_pylist())) == sorted(row["id"] for row in rows)
    assert sorted(path.name for path in tmp_path.glob("all.*")) == ["all.jsonl", "all.parquet"]


def test_parquet_needs_a_file(url: str) -> None:
    assert "--out" in run("export", "--format", "parquet", code=2).output


def test_an_older_store_is_read_after_its_upgrade(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    engine = sa.create_engine(url, json_serializer=lambda value: json.dumps(value))
    version_1.make(engine)
    engine.dispose()

    refused = CliRunner().invoke(cli, ["traces", "list", "--traces", url])
    assert "flyball traces upgrade" in str(refused.exception)
    assert f"schema version 1, now {schema.VERSION}" in run("upgrade", "--traces", url).output
    assert "up to date" in run("upgrade", "--traces", url).output
    assert run("list", "--traces", url).output.strip() == "no episodes"


def test_the_store_of_a_configuration_is_meant(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLYBALL_TRACES")
    config = tmp_path / "flyball.toml"
    config.write_text(f'[traces]\nurl = "{url}"\n')

    assert listed("--config", str(config), "--limit", "1") == ["chatcmpl-b"]
