"""A store of an older version is brought up to date in place; one of a newer version is left alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from flyball.core.errors import ConfigError
from flyball.server.traces import database, migrations, schema
from flyball.server.traces.reader import TraceReader
from flyball.server.traces.writer import TraceWriter

from . import version_1
from .records import episode, ids, store


def plain(url: str) -> sa.Engine:
    """The database without any of our settings, but that JSON is written as a writer does."""
    return sa.create_engine(url, json_serializer=lambda value: msgspec.json.encode(value).decode())


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = plain(url)
    yield engine
    engine.dispose()


def shape(engine: sa.Engine) -> dict[str, Any]:
    """Everything about the tables that matters to what is done with them."""
    look = sa.inspect(engine)
    return {
        table: (
            sorted((c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(table)),
            sorted((f["constrained_columns"], f["referred_table"], f["options"]) for f in look.get_foreign_keys(table)),
            sorted((i["name"] or "", i["column_names"]) for i in look.get_indexes(table)),
            look.get_pk_constraint(table)["constrained_columns"],
        )
        for table in look.get_table_names()
    }


def version(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(schema.version.c.version)).scalar_one())


def test_every_episode_of_a_version_1_store_is_found_after_the_upgrade(url: str, engine: sa.Engine) -> None:
    """Opening for writing upgrades; what was stored is read as it was, and is found by the new filters."""
    bare = episode("bare", flyball=None, trajectories=[])
    old = [episode("old-1"), episode("old-2", flyball={"controllers": [{"name": "a"}, {"name": "b"}]}), bare]
    version_1.make(engine, old)

    store(url, episode("new"))

    with TraceReader(url) as reader:
        assert [reader.episode(record.id) for record in old] == old
    assert ids(url) == ["bare", "new", "old-1", "old-2"]
    assert ids(url, controller="b") == ["old-2"]
    assert ids(url, controller="trimr") == ["new", "old-1"]


def test_an_upgraded_store_has_the_tables_of_a_new_one(url: str, engine: sa.Engine) -> None:
    """Columns, keys and indices are the same, whichever way a store came to be."""
    database.open_for_writing(url).dispose()
    made_new = shape(engine)
    with engine.begin() as connection:
        schema.metadata.drop_all(connection)
    version_1.make(engine)

    database.open_for_writing(url).dispose()

    assert shape(engine) == made_new
    assert version(engine) == schema.VERSION == len(migrations.STEPS) + 1


def test_an_upgraded_episode_is_measured_like_a_new_one(url: str, engine: sa.Engine) -> None:
    """Retention by size counts both the same way."""
    version_1.make(engine, [episode("old")])
    store(url, episode("new"))

    with engine.connect() as connection:
        rows = connection.execute(sa.select(schema.episodes.c.id, schema.episodes.c.bytes))
        sizes = {row.id: row.bytes for row in rows}
    assert sizes["old"] == pytest.approx(sizes["new"], abs=10) and sizes["old"] > 500


def test_a_writer_of_the_older_version_goes_on_beside_the_upgrade(url: str, engine: sa.Engine) -> None:
    """Replicas are replaced one after another: the old one's inserts still fit."""
    version_1.make(engine)
    database.open_for_writing(url).dispose()

    with engine.begin() as connection:
        version_1.insert(connection, [episode("late")])

    with TraceReader(url) as reader:
        assert reader.episode("late") == episode("late")


def test_a_step_that_fails_leaves_the_store_as_it_was(
    url: str, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps before it are undone, too; the next try begins from the old version."""
    version_1.make(engine, [episode("old")])
    before = shape(engine)

    def fails(connection: sa.Connection) -> None:
        connection.execute(sa.text("ALTER TABLE episodes ADD COLUMN half VARCHAR"))
        connection.execute(sa.text("SELECT * FROM nowhere"))

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*migrations.STEPS[:-1], fails))
        with pytest.raises(ConfigError, match="nowhere"):
            TraceWriter(url)

    assert shape(engine) == before
    assert version(engine) == 1
    store(url, episode("new"))
    assert ids(url) == ["new", "old"]


def test_replicas_that_start_together_upgrade_once(
    url: str, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One takes the steps while the others wait for it; then all of them write."""
    version_1.make(engine, [episode("old")])
    taken, start, writers = list[int](), threading.Barrier(4), list[TraceWriter]()

    def counted(number: int, step: migrations.Step) -> migrations.Step:
        def run(connection: sa.Connection) -> None:
            taken.append(number)
            step(connection)

        return run

    monkeypatch.setattr(migrations, "STEPS", tuple(counted(n, step) for n, step in enumerate(migrations.STEPS)))

    def replica(name: str) -> None:
        start.wait(5)
        writers.append(TraceWriter(url))
        writers[-1].write(episode(name))

    threads = [threading.Thread(target=replica, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(writer.close(30) for writer in writers)

    assert taken == [0, 1, 2]
    assert ids(url) == ["0", "1", "2", "3", "old"]


def test_reading_does_not_upgrade(url: str, engine: sa.Engine) -> None:
    """Who only looks changes nothing, and is told how to."""
    version_1.make(engine, [episode("old")])
    before = shape(engine)

    with pytest.raises(ConfigError, match="flyball traces upgrade"):
        TraceReader(url)

    assert shape(engine) == before


def test_a_newer_schema_version_is_refused(url: str, engine: sa.Engine) -> None:
    """Neither reading nor writing goes on with tables that may mean something else; nothing is changed."""
    store(url)
    with engine.begin() as connection:
        connection.execute(schema.version.update().values(version=schema.VERSION + 1))

    with pytest.raises(ConfigError, match=f"schema version {schema.VERSION + 1}.* newer Flyball"):
        TraceWriter(url)
    with pytest.raises(ConfigError, match=f"schema version {schema.VERSION + 1}.* newer Flyball"):
        TraceReader(url)
    assert version(engine) == schema.VERSION + 1
