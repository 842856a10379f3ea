"""The trace writer never holds serving up: it drops, counts, and goes on after errors."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flyball.core.errors import Unavailable
from flyball.core.trajectory import Trajectory
from flyball.server.traces.reader import TraceReader
from flyball.server.traces.records import EpisodeRecord, Feedback, trajectory_record
from flyball.server.traces.writer import TraceWriter

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def episode(id: str, created: datetime = NOON) -> EpisodeRecord:
    return EpisodeRecord(
        id=id,
        created=created,
        model="pocket",
        messages=[{"role": "user", "content": "a secret question"}],
        outcome="stop",
        seconds=1.0,
        trajectories=[trajectory_record(Trajectory([1, 2]))],
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "traces.sqlite"


@pytest.fixture
def writer(path: Path) -> Iterator[TraceWriter]:
    writer = TraceWriter(f"sqlite:///{path}", capacity=10)
    yield writer
    assert writer.close(5)


@contextmanager
def locked(path: Path) -> Iterator[threading.Event]:
    """Hold the write lock of a SQLite file; the event tells that somebody else asks for it."""
    asked = threading.Event()

    def before_execute(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement == "BEGIN IMMEDIATE":
            asked.set()

    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE").close()
        sa.event.listen(sa.Engine, "before_cursor_execute", before_execute)
        try:
            yield asked
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", before_execute)
            holder.execute("ROLLBACK").close()


@contextmanager
def rollbacks() -> Iterator[threading.Semaphore]:
    """Released once for every transaction that fails."""
    seen = threading.Semaphore(0)

    def on_rollback(_connection: sa.Connection) -> None:
        seen.release()

    sa.event.listen(sa.Engine, "rollback", on_rollback)
    try:
        yield seen
    finally:
        sa.event.remove(sa.Engine, "rollback", on_rollback)


def ids(path: Path) -> list[str]:
    with TraceReader(f"sqlite:///{path}") as reader:
        return [found.id for found in reader.episodes()]


async def test_writing_does_not_wait_while_the_database_is_locked(writer: TraceWriter, path: Path) -> None:
    """The event loop writes, and runs others, while the thread waits for the lock; nothing is lost."""
    async with asyncio.timeout(5):
        with locked(path) as asked:
            assert writer.write(episode("a"))
            assert await asyncio.to_thread(asked.wait, 5)
            assert writer.write(episode("b"))
            assert writer.written == 0
        assert await asyncio.to_thread(writer.close, 5)

    assert ids(path) == ["a", "b"]
    assert (writer.written, writer.failed, writer.dropped) == (2, 0, 0)


def test_a_full_queue_drops_and_counts(writer: TraceWriter, path: Path) -> None:
    """Ten wait, one is under way; what comes then is dropped, and what was taken is written."""
    with locked(path) as asked:
        assert writer.write(episode("under-way"))
        assert asked.wait(5)
        taken = [writer.write(episode(f"{number:02}")) for number in range(13)]
    assert writer.close(5)

    assert taken == [True] * 10 + [False] * 3
    assert (writer.written, writer.failed, writer.dropped) == (11, 0, 3)
    assert len(ids(path)) == 11


def test_close_writes_what_waits(path: Path) -> None:
    """More than a batch was waiting; nothing is lost, and the records keep their order."""
    writer = TraceWriter(f"sqlite:///{path}", capacity=200)
    with locked(path):
        assert all(writer.write(episode(f"{number:03}")) for number in range(150))
    assert writer.close(5)

    assert writer.written == 150
    assert ids(path) == [f"{number:03}" for number in range(150)]


def test_close_gives_up_after_its_timeout(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A stuck database does not keep the server from stopping; the log says what is left."""
    writer = TraceWriter(f"sqlite:///{path}")
    with locked(path) as asked:
        writer.write(episode("a"))
        assert asked.wait(5)
        assert not writer.close(0)
    assert writer.close(5)

    assert writer.written == 1
    assert "still waiting" in caplog.text


def test_a_closed_writer_drops_and_counts(writer: TraceWriter) -> None:
    """A late record is no error."""
    assert writer.close(5)

    assert not writer.write(episode("late"))
    assert writer.dropped == 1


def test_an_outage_is_logged_once_and_writing_goes_on_after_it(
    writer: TraceWriter, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each failed record is counted; the log has one traceback, no message of a user, and the recovery."""
    with closing(sqlite3.connect(path)) as other, caplog.at_level(logging.WARNING), rollbacks() as failed:
        other.execute("ALTER TABLE episodes RENAME TO away").close()
        writer.write(episode("lost-1"))
        assert failed.acquire(timeout=5)
        writer.write(episode("lost-2"))
        assert failed.acquire(timeout=5)
        other.execute("ALTER TABLE away RENAME TO episodes").close()
        writer.write(episode("kept"))
        assert writer.close(5)

    assert ids(path) == ["kept"]
    assert (writer.written, writer.failed) == (1, 2)
    assert [(record.levelname, bool(record.exc_info)) for record in caplog.records] == [
        ("ERROR", True),
        ("WARNING", False),
    ]
    assert "2 records were lost" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(episode("naive", datetime(2026, 3, 1)), id="a time without a zone"),
        pytest.param(episode("a"), id="an id that is there already"),
    ],
)
def test_a_record_that_cannot_be_stored_takes_no_other_with_it(
    writer: TraceWriter, path: Path, bad: EpisodeRecord
) -> None:
    """It shares a batch with good ones; they are written, it is counted."""
    with locked(path):
        for record in (episode("a"), bad, episode("b")):
            assert writer.write(record)
    assert writer.close(5)

    assert ids(path) == ["a", "b"]
    assert (writer.written, writer.failed) == (2, 1)


def test_several_writers_share_a_file(path: Path) -> None:
    """Replicas that start together create one store and write to it."""
    start, writers = threading.Barrier(4), list[TraceWriter]()

    def run(name: str) -> None:
        start.wait(5)
        writer = TraceWriter(f"sqlite:///{path}")
        writers.append(writer)
        writer.write(episode(name))
        writer.close(20)

    threads = [threading.Thread(target=run, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert [writer.written for writer in writers] == [1, 1, 1, 1]
    assert ids(path) == ["0", "1", "2", "3"]


def test_feedback_leaves_half_of_the_queue_to_episodes(writer: TraceWriter, path: Path) -> None:
    """A flood of it is refused, and costs no episode."""
    said = Feedback(score=1.0, created=NOON)
    with locked(path) as asked:
        assert writer.write(episode("under-way"))
        assert asked.wait(5)
        ratings = [writer.rate("under-way", None, said) for _ in range(20)]
        refused = [rating.exception(0) for rating in ratings if rating.done()]
        assert writer.write(episode("b"))
    assert writer.close(5)

    assert len(refused) == 14 and all(isinstance(error, Unavailable) for error in refused)
    assert [rating.result(5) for rating in ratings[:6]] == [True] * 6
    assert (writer.written, writer.dropped) == (2, 0)
    assert isinstance(writer.rate("b", None, said).exception(0), Unavailable)


def test_feedback_that_nobody_waits_for_is_not_written(writer: TraceWriter, path: Path) -> None:
    """Its request has timed out; the client was told so."""
    with locked(path) as asked:
        assert writer.write(episode("a"))
        assert asked.wait(5)
        assert writer.rate("a", None, Feedback(score=1.0, created=NOON)).cancel()
    assert writer.close(5)

    with TraceReader(f"sqlite:///{path}") as reader:
        record = reader.episode("a")
    assert record is not None and record.feedback == ()
