"""Old episodes go by age, number and size, with everything that belongs to them, and nobody waits for it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flyball.server.traces import retention, schema
from flyball.server.traces.config import KeepSection
from flyball.server.traces.retention import Retention
from flyball.server.traces.writer import TraceWriter

from .records import NOON, episode, ids, store

HOUR = timedelta(hours=1)


@contextmanager
def keeping(url: str, **limits: Any) -> Iterator[Retention]:
    """Limits on a store, swept when the test says so."""
    swept = Retention(url, KeepSection.model_validate(limits))
    try:
        yield swept
    finally:
        swept.close()


def rows(url: str) -> dict[str, int]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        counts = {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (schema.episodes, schema.trajectories, schema.decisions, schema.feedback)
        }
    engine.dispose()
    return counts


def four(url: str) -> None:
    store(url, *(episode(name, NOON + number * HOUR) for number, name in enumerate("abcd")))


def test_what_is_too_old_goes_with_all_that_belongs_to_it(url: str) -> None:
    four(url)
    before = rows(url)

    with keeping(url, days=1) as swept:
        assert swept.sweep(NOON + timedelta(days=1, hours=1, minutes=30)) == 2
        assert swept.sweep(NOON + timedelta(days=1, hours=1, minutes=30)) == 0

    assert ids(url) == ["c", "d"]
    assert {name: count * 2 for name, count in rows(url).items()} == before
    assert swept.expired == 2


def test_the_newest_are_kept_up_to_a_number(url: str) -> None:
    four(url)

    with keeping(url, episodes=3) as swept:
        swept.sweep()

    assert ids(url) == ["b", "c", "d"]


def test_the_newest_are_kept_up_to_a_size(url: str) -> None:
    """As many as fit whole; the store's own measure says how large one is."""
    four(url)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        one = connection.execute(sa.select(sa.func.max(schema.episodes.c.bytes))).scalar_one()
    engine.dispose()

    with keeping(url, mib=2.5 * one / 2**20) as swept:
        swept.sweep()

    assert ids(url) == ["c", "d"]


def test_the_strictest_of_several_limits_holds(url: str) -> None:
    four(url)

    with keeping(url, episodes=3, days=1, mib=1000) as swept:
        swept.sweep(NOON + timedelta(days=1, hours=2, minutes=30))

    assert ids(url) == ["d"]


def test_nothing_goes_below_the_limits(url: str) -> None:
    four(url)

    with keeping(url, episodes=4, mib=1) as swept:
        assert swept.sweep() == 0

    assert len(ids(url)) == 4


def test_many_go_in_steps_between_which_a_writer_gets_the_lock(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is a transaction of its own; a record handed over in the middle is written."""
    store(url, *(episode(f"{number:02}", NOON + number * HOUR, trajectories=[]) for number in range(7)))
    monkeypatch.setattr(retention, "_STEP", 2)
    commits = list[int]()

    def on_commit(_: sa.Connection) -> None:
        commits.append(len(ids(url)))

    with keeping(url, episodes=1) as swept:
        sa.event.listen(swept._deleting, "commit", on_commit)
        assert swept.sweep() == 6
    writer = TraceWriter(url)
    assert writer.write(episode("new")) and writer.close(10) and writer.written == 1
    assert len(commits) == 4
    assert ids(url) == ["06", "new"][::-1] or ids(url) == ["new", "06"]


def test_the_thread_deletes_by_itself_and_goes_on_after_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first look fails, a later one does not; nothing but the log tells."""
    path = tmp_path / "traces.sqlite"
    url = f"sqlite:///{path}"
    four(url)
    failed, done = threading.Event(), threading.Event()

    class Watched(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            failed.set()

    def on_commit(_: sa.Connection) -> None:
        done.set()

    handler = Watched()
    retention.logger.addHandler(handler)
    try:
        with keeping(url, episodes=2, every_seconds=0.05) as swept, closing(sqlite3.connect(path)) as other:
            sa.event.listen(swept._deleting, "commit", on_commit)
            other.execute("ALTER TABLE episodes RENAME TO away").close()
            swept.start()
            assert failed.wait(10)
            other.execute("ALTER TABLE away RENAME TO episodes").close()
            assert done.wait(10)
    finally:
        retention.logger.removeHandler(handler)

    assert ids(url) == ["c", "d"]
    assert "could not be deleted" in caplog.text
