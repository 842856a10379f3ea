"""The server and its trace store: what is stored, and that requests never notice what becomes of it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flyball.core.errors import ConfigError
from flyball.core.events import Channel
from flyball.core.trajectory import replay
from flyball.server.config import load_config
from flyball.server.traces import schema
from flyball.server.traces.reader import TraceReader
from flyball.server.traces.records import EpisodeRecord

from .serving import CHAT, PATIENCE, Served, asking, pocket_format, serving
from .traces.postgres import Postgres


def records(url: str, **wanted: Any) -> list[EpisodeRecord]:
    with TraceReader(url) as reader:
        return list(reader.episodes(**wanted))


def sqlite(path: Path) -> str:
    return f"sqlite:///{path / 'traces.sqlite'}"


def metric(served: Served, name: str) -> float:
    lines = served.http.get("/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))


def test_an_episode_says_what_reads_it(tmp_path: Path) -> None:
    """Model, preset, controllers; and the tokenizer and format by which its ids become text again."""
    preset = {"controllers": [{"name": "thinking_budget", "tokens": 4}]}
    with serving(traces={"url": sqlite(tmp_path)}, presets={"fast": preset}) as served:
        served.chat(model="pocket:fast")
    (record,) = records(sqlite(tmp_path), controller="thinking_budget", preset="fast", finish="stop")

    assert (record.model, record.tokenizer, record.format) == ("pocket:fast", "pocket", "pocket")
    assert record.owner is None
    trajectory = replay(record.trajectories[0].log)
    spans = [trajectory.ids[run.start : end] for run, end in trajectory.spans() if run.channel is Channel.ANSWER]
    assert pocket_format().decode(spans[0]).strip() == "The answer is \\boxed{42}."


def test_only_the_sample_is_stored_and_the_rest_is_counted(tmp_path: Path) -> None:
    with serving(traces={"url": sqlite(tmp_path), "sample": 0.0}) as served:
        served.chat()
        assert metric(served, "flyball_traces_skipped") == 1
        assert served.http.get("/health").json()["traces"] == {"works": True, "written": 0, "lost": 0}

    assert records(sqlite(tmp_path)) == []


def test_without_text_nothing_that_was_said_is_in_the_file(tmp_path: Path) -> None:
    with serving(traces={"url": sqlite(tmp_path), "text": False}) as served:
        served.chat("Where is Mira Tarn?")

    (record,) = records(sqlite(tmp_path))
    assert record.redacted and record.messages == [{"role": "user", "content": "[redacted]"}]
    assert all(b"Mira" not in file.read_bytes() for file in tmp_path.iterdir())


def test_what_the_operator_redacts_is_found_in_messages_and_tokens(tmp_path: Path) -> None:
    with serving(traces={"url": sqlite(tmp_path), "redact": [r"\b42\b", "Mira \\w+"]}) as served:
        assert served.chat("Where is Mira Tarn?")["choices"][0]["message"]["content"] == "The answer is \\boxed{42}."

    (record,) = records(sqlite(tmp_path))
    assert record.messages == [{"role": "user", "content": "Where is [redacted]?"}]
    ids = [id for id in replay(record.trajectories[0].log).ids if id >= 0]
    assert "42" not in pocket_format().decode(ids)


def test_a_wrong_expression_is_refused_before_anything_listens(tmp_path: Path) -> None:
    file = tmp_path / "flyball.toml"
    file.write_text('[traces]\nredact = ["(?=a)"]\n')

    with pytest.raises(ConfigError, match=r"traces\.redact.*RE2"):
        load_config(file)


def test_old_episodes_go_while_the_server_runs(tmp_path: Path) -> None:
    url = sqlite(tmp_path)
    with serving(traces={"url": url}) as served:
        for _ in range(3):
            served.chat()
    with serving(traces={"url": url, "keep": {"episodes": 1, "every_seconds": 0.05}}) as served:
        served.until(lambda: served.service.traces is not None and served.service.traces.retention.expired == 2)
        assert metric(served, "flyball_traces_expired") == 2

    assert len(records(url)) == 1


# -- the store is away -------------------------------------------------------------------------------------------------


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that only this test uses."""
    server = Postgres()
    server.start()
    yield server
    server.stop()
    server.remove()


def test_requests_are_served_while_postgresql_is_stopped_and_losses_are_counted(postgres: Postgres) -> None:
    """Before, without and after the database; what was lost is in the metrics, in /health and in the store."""
    with serving(traces={"url": postgres.url}) as served:
        first = served.chat()["id"]
        served.until(lambda: _health(served)["written"] == 1)
        postgres.stop()
        for _ in range(3):
            assert served.chat()["choices"]
        served.until(lambda: _health(served)["lost"] == 3)
        assert not _health(served)["works"]
        assert metric(served, "flyball_traces_failed") == 3
        assert served.post("/v1/flyball/feedback", {"trace_id": first, "score": 1}).status_code == 503
        postgres.start()
        last = served.chat()["id"]
        served.until(lambda: _health(served)["written"] == 2)
        assert _health(served) == {"works": True, "written": 2, "lost": 3}
        assert served.post("/v1/flyball/feedback", {"trace_id": first, "score": 1}).status_code == 200

    assert [record.id for record in records(postgres.url)] == [first, last]
    engine = sa.create_engine(postgres.url)
    with engine.connect() as connection:
        assert connection.execute(sa.select(schema.losses.c.episodes)).scalars().all() == [3]
    engine.dispose()


def _health(served: Served) -> dict[str, Any]:
    assert served.service.traces is not None
    return served.service.traces.health()


def test_requests_are_served_while_the_store_is_locked_and_its_queue_is_full(tmp_path: Path) -> None:
    """Answers come, streamed and plain, while nothing can be written; what does not fit is dropped and counted."""
    with serving(traces={"url": sqlite(tmp_path), "queue": 2}) as served:
        served.chat()
        served.until(lambda: _health(served)["written"] == 1)
        with closing(sqlite3.connect(tmp_path / "traces.sqlite", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE").close()
            asked = _when_asked_for_the_lock()
            served.chat()
            assert asked.wait(PATIENCE)
            for _ in range(3):
                assert served.chat()["choices"]
                assert served.stream()
            holder.execute("ROLLBACK").close()
        assert metric(served, "flyball_traces_dropped") == 4
    assert len(records(sqlite(tmp_path))) == 4


def _when_asked_for_the_lock() -> threading.Event:
    asked = threading.Event()

    def before_execute(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement == "BEGIN IMMEDIATE":
            asked.set()

    sa.event.listen(sa.Engine, "before_cursor_execute", before_execute, once=True)
    return asked


def test_a_record_that_cannot_be_made_costs_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with it, the client gets its answer, and the loss is counted."""
    from flyball.server import tracing

    def broken(*_: object, **__: object) -> None:
        raise TypeError("no record can be made of this")

    with serving(traces={"url": sqlite(tmp_path)}) as served:
        monkeypatch.setattr(tracing, "trajectory_record", broken)
        assert served.post(CHAT, asking("hello")).status_code == 200
        assert _health(served)["lost"] == 1
