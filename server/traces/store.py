"""What a writer does with the database: each method is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from . import schema
from .database import open_for_writing
from .encoding import rows_of
from .owners import Owners
from .records import EpisodeRecord, Feedback

_INSERT: Mapping[str, Callable[[sa.Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Store:
    """An open trace store, for one thread. Errors: ConfigError from the constructor, SQLAlchemyError from the rest."""

    def __init__(self, url: str) -> None:
        self._engine = open_for_writing(url)
        with self._engine.begin() as connection:
            self._owners = Owners(connection.execute(sa.select(schema.salts.c.salt)).scalar_one())

    def insert(self, records: Sequence[tuple[EpisodeRecord, str | None]], lost: int) -> None:
        """Keep records, each with its client's key, and how many were lost since something was last kept."""
        owned = [msgspec.structs.replace(record, owner=self._owners.of(key)) for record, key in records]
        rows = rows_of(owned)
        with self._engine.begin() as connection:
            if rows.episodes:
                connection.execute(schema.episodes.insert(), rows.episodes)
            if rows.trajectories:
                connection.execute(schema.trajectories.insert(), rows.trajectories)
            if rows.decisions:
                connection.execute(schema.decisions.insert(), rows.decisions)
            if lost:
                connection.execute(schema.losses.insert(), {"noticed": datetime.now(UTC), "episodes": lost})

    def rate(self, episode_id: str, api_key: str | None, given: Feedback) -> bool:
        """Keep feedback in place of what the same `by` said before; False when this client has no such episode."""
        episodes, insert = schema.episodes, _INSERT[self._engine.dialect.name](schema.feedback)
        is_owner = episodes.c.owner.is_not_distinct_from(self._owners.of(api_key))
        words = msgspec.structs.asdict(given)
        keys = [schema.feedback.c.episode_id, schema.feedback.c.by]
        with self._engine.begin() as connection:
            wanted = sa.select(episodes.c.id).where(episodes.c.id == episode_id, is_owner)
            if connection.execute(wanted).first() is None:
                return False
            upsert = insert.on_conflict_do_update(index_elements=keys, set_=words)
            connection.execute(upsert, {"episode_id": episode_id, **words})
        return True

    def close(self) -> None:
        """Let the connection go."""
        self._engine.dispose()
