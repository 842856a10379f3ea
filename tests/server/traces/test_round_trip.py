"""What is written to the trace store is what is read from it, in SQLite and PostgreSQL alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from math import inf, isnan, nan
from pathlib import Path

import pytest
import sqlalchemy as sa

from flyball.core.engine import TokenLogprob
from flyball.core.errors import ConfigError
from flyball.core.events import (
    AnyEvent,
    Channel,
    FinishReason,
    Origin,
)
from flyball.core.ledger import Ledger
from flyball.core.trajectory import Trajectory, replay
from flyball.server.traces import schema
from flyball.server.traces.reader import TraceReader
from flyball.server.traces.records import trajectory_record
from flyball.server.traces.writer import TraceWriter

from .records import NOON, episode, eventful, ids, store

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
