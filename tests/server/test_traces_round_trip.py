"""What is written to the trace store is what is read from it, in SQLite and PostgreSQL alike."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from math import inf, isnan, nan
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from flyball.core.decision import Decision
from flyball.core.engine import TokenLogprob
from flyball.core.errors import ConfigError
from flyball.core.events import (
    Acted,
    AnyEvent,
    Called,
    Channel,
    Decided,
    Finished,
    FinishReason,
    Noted,
    Origin,
    ToolAnswered,
    ToolCalled,
)
from flyball.core.ledger import Ledger
from flyball.core.trajectory import Trajectory, replay
from flyball.server.traces import schema
from flyball.server.traces.reader import TraceReader
from flyball.server.traces.records import EpisodeRecord, trajectory_record
from flyball.server.traces.writer import TraceWriter

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HINT = Decision(
    kind="hint",
    policy="uniform",
    policy_version="7",
    candidates=("a", "b", "c"),
    chosen=("b",),
    probability=1 / 3,
    features={"entropy": 0.1, "length": 12.0},
    position=3,
)


# -- PostgreSQL, where there is one -----------------------------------------------------------------------------------


def _as_server_user(*command: str | Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    words = [str(word) for word in command]
    return ["runuser", "-u", "postgres", "--", *words] if os.geteuid() == 0 else words


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL: the one that the environment names, else a private one."""
    if url := os.environ.get("FLYBALL_TEST_POSTGRES"):
        yield url
        return
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        absent = "no PostgreSQL: set FLYBALL_TEST_POSTGRES or install the server"
        pytest.fail(absent) if os.environ.get("CI") else pytest.skip(absent)
    home = Path(tempfile.mkdtemp(prefix="flyball-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(home, "postgres")
    control = binaries[-1] / "pg_ctl"
    data, options = home / "data", f"-c listen_addresses='' -c fsync=off -k {home}"
    create = _as_server_user(binaries[-1] / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8")
    start = _as_server_user(control, "-D", data, "-l", home / "log", "-o", options, "-w", "-t", "30", "start")
    stop = _as_server_user(control, "-D", data, "-m", "immediate", "-w", "stop")
    subprocess.run(create, check=True, capture_output=True, timeout=60, cwd=home)
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, timeout=60, cwd=home)
    try:
        yield f"postgresql+psycopg://postgres@/postgres?host={home}"
    finally:
        subprocess.run(stop, check=True, stdout=subprocess.DEVNULL, timeout=60, cwd=home)
        shutil.rmtree(home)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'traces.sqlite'}"
    url: str = request.getfixturevalue("postgres")
    engine = sa.create_engine(url)
    schema.metadata.drop_all(engine)
    engine.dispose()
    return url


# -- records ----------------------------------------------------------------------------------------------------------


def eventful() -> Trajectory:
    """A trajectory with every type of event in its log."""
    trajectory = Trajectory([1, 2, 3])
    logprobs = [TokenLogprob(-0.1), TokenLogprob(-inf), TokenLogprob(-1e-9)]
    trajectory.note(Called(position=0, call=0, seed=2**62))
    trajectory.append([10], Channel.THINK, Origin.INJECTED, marker=True)
    trajectory.append([11, 12, 13], Channel.THINK, Origin.SAMPLED, logprobs=logprobs, weight_version="v3")
    trajectory.note(Decided(position=3, decision=HINT))
    trajectory.drop(3, "trimr")
    trajectory.overshoot([13, 14])
    trajectory.note(Acted(position=3, controller="trimr", boundary="thought_end", detected=5, edits=["truncate"]))
    trajectory.replace_context([1, 2, 99], "fold")
    trajectory.note(Called(position=3, call=1, seed=None))
    trajectory.append([20, 21], Channel.ANSWER, Origin.SAMPLED, weight_version="v4")
    trajectory.note(ToolCalled(position=5, id="call_1", name="python", arguments='{"code": "1"}', fenced=True))
    trajectory.note(ToolAnswered(position=5, id="call_1", name="python", status="infra", text="\x00é", seconds=0.25))
    trajectory.append([30], Channel.RESULT, Origin.ENVIRONMENT)
    trajectory.note(Noted(position=6, by="trimr", text="a verdict came too late: “wait”\x00"))
    trajectory.note(Finished(position=6, reason=FinishReason.STOP, by="stop", stop="\n\n", answer_chars=17))
    return trajectory


def episode(id: str = "ep-1", created: datetime = NOON, model: str = "pocket", **changes: object) -> EpisodeRecord:
    """A record of one eventful trajectory and one that was cancelled before it began."""
    record = EpisodeRecord(
        id=id,
        created=created,
        model=model,
        preset="fast",
        messages=[{"role": "user", "content": "2 + 2 = ? “ü” \x00"}],
        flyball={"controllers": [{"name": "trimr"}]},
        sampling={"temperature": 0.6, "seed": 7},
        outcome="stop",
        ledger={"tokens": {"spent": 6.0, "limit": 100.0}},
        seconds=1.25,
        trajectories=[trajectory_record(eventful(), 0, 7), trajectory_record(Trajectory([1]), 1)],
    )
    return msgspec.structs.replace(record, **changes)


def store(url: str, *records: EpisodeRecord) -> None:
    writer = TraceWriter(url)
    assert all(writer.write(record) for record in records)
    assert writer.close(30)
    assert (writer.written, writer.failed, writer.dropped) == (len(records), 0, 0)


def ids(url: str, **filters: object) -> list[str]:
    with TraceReader(url) as reader:
        return [found.id for found in reader.episodes(**filters)]  # type: ignore[arg-type]


# -- the round trip ---------------------------------------------------------------------------------------------------


def test_an_episode_is_read_as_it_was_written(url: str) -> None:
    """The whole record, floats and times included, is the same."""
    store(url, episode())

    with TraceReader(url) as reader:
        assert reader.episode("ep-1") == episode()


def test_a_logged_trajectory_has_every_event_type() -> None:
    """The record that these tests store leaves no event type out."""
    assert {type(event) for event in eventful().log} == set(AnyEvent.__args__)


def test_a_stored_log_replays_to_the_same_trajectory(url: str) -> None:
    """Context, spans, tally, training rows and the end are those of the trajectory that was recorded."""
    store(url, episode())

    with TraceReader(url) as reader:
        found = reader.episode("ep-1")
    assert found is not None
    replayed, original = replay(found.trajectories[0].log), eventful()
    assert replayed.log == original.log
    assert replayed.ids == original.ids
    assert replayed.runs == original.runs
    assert replayed.context() == original.context()
    assert replayed.tally() == original.tally() == found.trajectories[0].tally
    assert replayed.logprobs == original.logprobs
    assert replayed.finished == original.finished
    assert repr(replayed.training_rows()) == repr(original.training_rows())  # nan equals nan in words only


def test_unknown_and_impossible_log_probabilities_survive(url: str) -> None:
    """An engine may report nan and -inf; JSON would have lost both."""
    trajectory = Trajectory([1])
    values = [TokenLogprob(nan), TokenLogprob(-inf)]
    trajectory.append([2, 3], Channel.ANSWER, Origin.SAMPLED, logprobs=values)
    store(url, episode(trajectories=[trajectory_record(trajectory)]))

    with TraceReader(url) as reader:
        found = reader.episode("ep-1")
    assert found is not None
    logprobs = replay(found.trajectories[0].log).logprobs
    assert isnan(logprobs[0].logprob)
    assert logprobs[1].logprob == -inf


def test_a_trajectory_record_takes_its_columns_from_the_log() -> None:
    """Finish reason, tally and the last weight version are those of the trajectory."""
    record = trajectory_record(eventful(), 2, 9)

    assert (record.index, record.seed, record.finish, record.weight_version) == (2, 9, FinishReason.STOP, "v4")
    assert record.tally == eventful().tally()


def test_decisions_become_rows_of_their_own(url: str) -> None:
    """Off-policy learning reads them by SQL, with features, candidates and probability."""
    store(url, episode())

    engine = sa.create_engine(url)
    with engine.connect() as connection:
        (row,) = connection.execute(sa.select(schema.decisions)).mappings().all()
    engine.dispose()
    assert {name: value for name, value in row.items() if name != "id"} == {
        "trajectory_id": "ep-1.0",
        "episode_id": "ep-1",
        "kind": "hint",
        "policy": "uniform",
        "policy_version": "7",
        "features": {"entropy": 0.1, "length": 12.0},
        "candidates": ["a", "b", "c"],
        "chosen": ["b"],
        "probability": 1 / 3,
        "position": 3,
        "created": NOON,
    }


def test_an_open_ended_ledger_is_stored(url: str) -> None:
    """`Ledger.summary()` is stored as it is."""
    ledger = Ledger({"tokens": 100}, clock=lambda: 0.0)
    ledger.charge("tokens", 6)
    store(url, episode(ledger=ledger.summary()))

    with TraceReader(url) as reader:
        found = reader.episode("ep-1")
    assert found is not None
    assert found.ledger == ledger.summary()


def test_an_episode_without_trajectories_is_stored(url: str) -> None:
    """A request that was refused before decoding is an episode too."""
    store(url, episode(trajectories=[], preset=None, flyball=None, outcome="error"))

    with TraceReader(url) as reader:
        assert reader.episode("ep-1") == episode(trajectories=[], preset=None, flyball=None, outcome="error")


def test_times_are_kept_in_utc(url: str) -> None:
    """A time of another zone is the same moment afterwards."""
    there = datetime(2026, 3, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    store(url, episode(created=there))

    with TraceReader(url) as reader:
        found = reader.episode("ep-1")
    assert found is not None
    assert found.created == there
    assert found.created.tzinfo is UTC


# -- reading ----------------------------------------------------------------------------------------------------------


def test_episodes_come_oldest_first_and_filtered(url: str) -> None:
    """`since`, `model` and `limit` narrow what is read; ties in time are ordered by id."""
    hour = timedelta(hours=1)
    store(
        url,
        episode("c", NOON + hour),
        episode("b", NOON, model="other"),
        episode("a", NOON),
        episode("d", NOON + 2 * hour),
    )

    assert ids(url) == ["a", "b", "c", "d"]
    assert ids(url, since=NOON + hour) == ["c", "d"]
    assert ids(url, model="pocket", limit=2) == ["a", "c"]
    assert ids(url, limit=0) == []


def test_reading_goes_on_over_pages(url: str) -> None:
    """More episodes than a page, many of one moment: each is read once."""
    names = [f"{number:03}" for number in range(205)]
    store(url, *(episode(name, NOON + timedelta(seconds=int(name) // 150), trajectories=[]) for name in names))

    assert ids(url) == names
    assert ids(url, limit=101) == names[:101]


def test_an_unknown_id_is_no_episode(url: str) -> None:
    """Asking for what is not there is no error."""
    store(url)

    with TraceReader(url) as reader:
        assert reader.episode("nothing") is None


# -- opening ----------------------------------------------------------------------------------------------------------


def test_a_second_writer_goes_on_with_the_same_store(url: str) -> None:
    """Opening creates the tables only where they are missing."""
    store(url, episode("a"))
    store(url, episode("b"))

    assert ids(url) == ["a", "b"]


def test_another_schema_version_is_refused(url: str) -> None:
    """Neither reading nor writing goes on with tables that may mean something else."""
    store(url)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(schema.version.update().values(version=schema.VERSION + 1))
    engine.dispose()

    with pytest.raises(ConfigError, match=f"schema version {schema.VERSION + 1}"):
        TraceWriter(url)
    with pytest.raises(ConfigError, match=f"schema version {schema.VERSION + 1}"):
        TraceReader(url)


def test_reading_creates_no_store(url: str) -> None:
    """A wrong URL is an error and leaves nothing behind."""
    with pytest.raises(ConfigError, match="no trace store"):
        TraceReader(url)

    engine = sa.create_engine(url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


@pytest.mark.parametrize("url", ["traces.sqlite", "mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_cannot_hold_a_store_is_refused(url: str) -> None:
    """The error says so before anything listens."""
    with pytest.raises(ConfigError):
        TraceWriter(url)


def test_an_unreachable_database_is_refused_without_its_password(tmp_path: Path) -> None:
    """The error names the database, never the password in its URL."""
    with pytest.raises(ConfigError) as caught:
        TraceWriter(f"postgresql://user:hunter2@/flyball?host={tmp_path}")

    assert str(tmp_path) in str(caught.value)
    assert "hunter2" not in str(caught.value)
