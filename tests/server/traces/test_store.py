"""Feedback and losses, in both kinds of database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from flyball.server.traces import schema
from flyball.server.traces.owners import Owners
from flyball.server.traces.reader import TraceReader
from flyball.server.traces.records import Feedback
from flyball.server.traces.store import Store

from .records import NOON, episode, ids


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store with an episode of one client, and one of a client without a key."""
    store = Store(url)
    store.insert([(episode("hers"), "sk-hers"), (episode("open"), None)], 0)
    yield store
    store.close()


def said(url: str, id: str) -> list[Feedback]:
    with TraceReader(url) as reader:
        record = reader.episode(id)
        assert record is not None
        (summary,) = [each for each in reader.summaries() if each.id == id]
    assert summary.feedback == list(record.feedback)
    return summary.feedback


def words(**changes: Any) -> Feedback:
    said: dict[str, Any] = {"score": 0.1, "created": NOON} | changes
    return Feedback(**said)


def test_feedback_is_read_with_its_episode(store: Store, url: str) -> None:
    given = words(by="ann", label="good", comment="“ü” 🙂", score=1 / 3)

    assert store.rate("hers", "sk-hers", given)
    assert said(url, "hers") == [given]
    assert said(url, "open") == []


def test_the_last_word_of_each_replaces_what_it_said_before(store: Store, url: str) -> None:
    later = words(label="bad", score=None, created=NOON + timedelta(hours=1))
    for given in (words(comment="first"), words(by="ben"), later, later):
        assert store.rate("hers", "sk-hers", given)

    assert said(url, "hers") == [words(by="ben"), later]


@pytest.mark.parametrize(("id", "key"), [("hers", "sk-his"), ("hers", None), ("open", "sk-hers"), ("none", None)])
def test_only_the_owner_rates(store: Store, url: str, id: str, key: str | None) -> None:
    assert not store.rate(id, key, words())
    assert store.rate("open", None, words())
    assert said(url, "hers") == []


def test_an_owner_is_a_salted_hash(store: Store, url: str) -> None:
    """The same after opening again, another in another store, and no key in either."""
    again = Store(url)
    assert again.rate("hers", "sk-hers", words())
    again.close()
    with TraceReader(url) as reader:
        owners = [record.owner for record in reader.episodes()]
    assert owners[1] is None and owners[0] is not None and len(owners[0]) == 32
    assert owners[0] != Owners(b"another salt").of("sk-hers")


def test_losses_are_kept_with_what_is_written_next(store: Store, url: str) -> None:
    store.insert([(episode("next"), None)], 3)
    store.insert([(episode("last"), None)], 0)

    with TraceReader(url) as reader:
        assert reader.lost(NOON) == 3
        assert reader.lost(NOON + timedelta(days=36500)) == 0


def test_what_cannot_be_written_leaves_nothing_behind(store: Store, url: str) -> None:
    """An id twice: neither episode nor loss is kept."""
    with pytest.raises(SQLAlchemyError):
        store.insert([(episode("new"), None), (episode("hers"), None)], 3)

    assert ids(url) == ["hers", "open"]
    with TraceReader(url) as reader:
        assert reader.lost(NOON) == 0


def test_ids_are_found_by_their_beginning(store: Store, url: str) -> None:
    with TraceReader(url) as reader:
        assert reader.ids("h") == ["hers"]
        assert reader.ids("") == ["hers", "open"]
        assert reader.ids("%") == []


def test_feedback_goes_with_its_episode(store: Store, url: str) -> None:
    store.rate("open", None, words())
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(sa.text("PRAGMA foreign_keys=ON"))
        connection.execute(schema.episodes.delete())
        assert connection.execute(sa.select(schema.feedback)).all() == []
    engine.dispose()
